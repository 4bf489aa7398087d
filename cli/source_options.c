/* Why: cli/source_options.h. Context: own process. */
#include "cli/source_options.h"

#include <string.h>

bool pando_source_read_options(const struct pando_cli_values *values, size_t url, size_t store, const char *operand,
                               struct pando_source *source)
{
    unsigned given = (unsigned)pando_cli_is_given(values, url) + pando_cli_is_given(values, store) + (operand != NULL);
    unsigned asked = (unsigned)(values->text[url] != NULL) + (values->text[store] != NULL);
    *source = (struct pando_source){0};
    if (given > 1 || (given == 0 && asked > 1)) {
        const char *name = values->syntax->name, *url_name = values->syntax->options[url].variable;
        if (given > 1)
            pando_cli_complain("%s takes one of %s--url and --store; see pando help %s.", name, operand != NULL ? "its operand, " : "", name);
        else
            pando_cli_complain("%s and %s are both set: choose with --url or --store; see pando help %s.", url_name,
                               values->syntax->options[store].variable, name);
        return false;
    }
    if (pando_cli_is_given(values, url) || (given == 0 && asked == 1))
        source->url = values->text[url];
    if (pando_cli_is_given(values, store) || (given == 0 && asked == 1))
        source->store_path = values->text[store];
    if (source->url == NULL || strncmp(source->url, "http://", 7) == 0 || strncmp(source->url, "https://", 8) == 0)
        return true;
    pando_cli_complain("%s is an http:// or https:// address, not \"%s\".", pando_cli_name_of(values, url), source->url);
    return false;
}
