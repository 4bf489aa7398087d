/* Why: what of a profile has columns of its own: where it came from, and how much it is.
 * Context: own process; any thread that has the connection. */
#include "profile/states.h"
#include "receiver/store_private.h"

#define CLAIM_MAX 1000000000000000000 /* a sender's claims; a signed 64-bit column takes nine of them */
#define SAMPLES_MAX 1000000000000     /* sums of it stay far from 2^63 */
#define NS_PER_S 1e9

static int64_t add_claim(int64_t sum, double ns)
{
    /* Rounded as profile/merge.c rounds, so that a chart adds up to what the tree shows. */
    return ns < (double)(CLAIM_MAX - sum) ? sum + (int64_t)(ns + 0.5) : CLAIM_MAX;
}

static int64_t at_most(uint64_t value, int64_t max)
{
    return value < (uint64_t)max ? (int64_t)value : max;
}

void pando_store_facts(const struct pando_profile *profile, struct pando_store_facts *facts)
{
    const struct pando_profile_meta *meta = &profile->meta;
    *facts = (struct pando_store_facts){
        .host = profile->strings[meta->host_name], .process = profile->strings[meta->process_name],
        .fleet_id = meta->fleet_id, .pid = meta->pid, .start_ms = at_most(meta->start_wall_ms, INT64_MAX),
        .end_ms = at_most(meta->end_wall_ms, INT64_MAX), .samples = at_most(meta->samples, SAMPLES_MAX)};
    double factor = NS_PER_S / meta->weight_per_second;
    for (uint32_t i = 0; i < profile->node_count; i++) {
        const struct pando_profile_node *node = &profile->nodes[i];
        bool is_cpu = pando_profile_frame_state(profile, node->frame) == PANDO_PROFILE_NO_STATE;
        int64_t *sum = is_cpu ? &facts->cpu_ns : &facts->wall_ns;
        if (node->self != 0)
            *sum = add_claim(*sum, (double)node->self * factor);
    }
}

static void bind_source(sqlite3_stmt *statement, int64_t group_id, const struct pando_store_facts *facts, bool is_whole)
{
    sqlite3_bind_int64(statement, 1, group_id);
    sqlite3_bind_text(statement, 2, facts->host, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, facts->process, -1, SQLITE_STATIC);
    if (!is_whole)
        return;
    sqlite3_bind_int64(statement, 4, facts->pid);
    sqlite3_bind_text(statement, 5, facts->fleet_id, -1, SQLITE_STATIC);
}

static int find_source(sqlite3_stmt *const *statements, int64_t group_id, const struct pando_store_facts *facts, int64_t *ret_id)
{
    int64_t unused;
    bind_source(statements[STORE_FIND_SOURCE], group_id, facts, true);
    int code = pando_store_step_once(statements[STORE_FIND_SOURCE], ret_id);
    if (code != SQLITE_OK || *ret_id != 0)
        return code;
    bind_source(statements[STORE_PUT_SERIES], group_id, facts, false);
    code = pando_store_step_once(statements[STORE_PUT_SERIES], &unused);
    if (code != SQLITE_OK)
        return code;
    bind_source(statements[STORE_PUT_SOURCE], group_id, facts, true);
    return pando_store_step_once(statements[STORE_PUT_SOURCE], ret_id);
}

int pando_store_put_facts(sqlite3_stmt *const *statements, int64_t group_id, int64_t profile_id,
                          const struct pando_store_facts *facts)
{
    int64_t source_id, unused;
    int code = find_source(statements, group_id, facts, &source_id);
    if (code != SQLITE_OK)
        return code;
    sqlite3_stmt *put = statements[STORE_PUT_POSTED];
    sqlite3_bind_int64(put, 1, group_id);
    sqlite3_bind_int64(put, 2, facts->start_ms);
    sqlite3_bind_int64(put, 3, profile_id);
    sqlite3_bind_int64(put, 4, facts->end_ms);
    sqlite3_bind_int64(put, 5, source_id);
    sqlite3_bind_int64(put, 6, facts->samples);
    sqlite3_bind_int64(put, 7, facts->cpu_ns);
    sqlite3_bind_int64(put, 8, facts->wall_ns);
    return pando_store_step_once(put, &unused);
}
