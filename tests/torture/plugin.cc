// A plug-in that torture.cc loads and unloads all the time: throws through frames of its own, and catches some of it itself.
#include <stdexcept>
#include <string>

extern "C" int plugin_run(int depth, int (*back)(int));

namespace {

struct Guard {
    int *count;
    ~Guard() { --*count; }
};

__attribute__((noinline)) int descend(int depth, int *count, int (*back)(int))
{
    Guard guard{count};
    ++*count;
    if (depth <= 0)
        return back(-1);
    return descend(depth - 1, count, back) + 1;
}

}  // namespace

// The host's function `back` throws int; even depths are caught here, odd ones in the host.
extern "C" __attribute__((visibility("default"))) int plugin_run(int depth, int (*back)(int))
{
    int count = 0;
    try {
        try {
            return descend(depth, &count, back);
        } catch (int thrown) {
            if (depth % 2 != 0)
                throw std::runtime_error(std::to_string(thrown));
            return count == 0 ? thrown : -1000;
        }
    } catch (const std::runtime_error &) {
        throw;
    }
}
