/* Why: uploader/retry.h. Context: worker. Full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS, 2015. */
#include "uploader/retry.h"

#include <stdbool.h>

static bool is_worth_another_try(const struct pando_try_outcome *outcome)
{
    switch (outcome->failure) {
    case PANDO_TRY_ANSWERED:
        return outcome->status == 408 || outcome->status == 429 || (outcome->status >= 500 && outcome->status <= 599);
    case PANDO_TRY_UNREACHABLE:
    case PANDO_TRY_INTERRUPTED:
    case PANDO_TRY_UNTRUSTED: /* certificates get renewed, captive portals get left */
    case PANDO_TRY_NO_CREDENTIALS: /* a role may be there in a minute */
    case PANDO_TRY_IMPOSSIBLE: /* memory may come back; a bad URL was refused at the start */
        return true;
    case PANDO_TRY_ABORTED:
        return false;
    }
    return false;
}

static uint64_t backoff_ms(const struct pando_retry_policy *policy, uint32_t tries, uint64_t random)
{
    uint64_t ceiling = policy->backoff_first_ms;
    for (uint32_t i = 1; i < tries && ceiling < policy->backoff_max_ms; i++)
        ceiling *= 2;
    if (ceiling > policy->backoff_max_ms)
        ceiling = policy->backoff_max_ms;
    return random % (ceiling + 1);
}

struct pando_retry_decision pando_retry_decide(const struct pando_retry_policy *policy,
                                               const struct pando_try_outcome *outcome, uint32_t tries, uint64_t random)
{
    if (outcome->failure == PANDO_TRY_ANSWERED && outcome->status >= 200 && outcome->status <= 299)
        return (struct pando_retry_decision){.action = PANDO_RETRY_DELIVERED};
    if (outcome->failure == PANDO_TRY_ABORTED)
        return (struct pando_retry_decision){.action = PANDO_RETRY_GIVE_UP};
    if (!is_worth_another_try(outcome))
        return (struct pando_retry_decision){.action = PANDO_RETRY_REJECTED};
    if (tries >= policy->tries_max)
        return (struct pando_retry_decision){.action = PANDO_RETRY_GIVE_UP};
    uint64_t wait_ms = backoff_ms(policy, tries, random);
    if (outcome->failure == PANDO_TRY_ANSWERED) {
        uint32_t asked_s = outcome->retry_after_s;
        wait_ms += (uint64_t)(asked_s > PANDO_RETRY_AFTER_MAX_S ? PANDO_RETRY_AFTER_MAX_S : asked_s) * 1000;
    }
    return (struct pando_retry_decision){.action = PANDO_RETRY_AGAIN, .wait_ms = wait_ms};
}
