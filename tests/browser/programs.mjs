// Why: what is profiled where a real program is wanted.

/** A C++ program on which a compiler works for a while. @param {number} n about 0.2 s each, with -O2 */
export const templates = (n) => `#include <algorithm>
#include <map>
#include <regex>
#include <sstream>
template <int N> int one(const std::string &text) {
    std::map<int, std::string> names; std::regex pattern("([a-z]+)=([0-9]+)"); int values[N + 1];
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) names[N] += (*at)[1];
    std::sort(values, values + N, [](int a, int b) { return a % (N + 1) < b % (N + 1); });
    std::ostringstream out; for (auto &[key, name] : names) out << key << name;
    return (int)out.str().size() + one<N - 1>(text);
}
template <> int one<0>(const std::string &) { return 0; }
int main(int, char **argv) { return one<${n}>(argv[0]); }
`;

/** A C program whose time is in a known function, on known lines. */
export const HOT = `#include <stdio.h>
#include <stdlib.h>
static inline unsigned mix(unsigned h) { h ^= h >> 16; h *= 0x85ebca6bu; return h ^ (h >> 13); }
__attribute__((noinline)) static unsigned churn(unsigned *values, size_t count)
{
    unsigned sum = 0;
    for (int round = 0; round < 700000; round++) {
        for (size_t i = 0; i < count; i++)
            sum += mix(values[i] + round);
    }
    return sum;
}
int main(void)
{
    static unsigned values[1000];
    printf("%u", churn(values, 1000));
}
`;
