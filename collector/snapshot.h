/* Why: from the tree of object offsets to what users read: functions. Offsets of one function under one parent become one node,
 * each distinct frame is named once, and not one sample is lost on the way.
 * Context: worker; one owner. Reads object files, so it takes milliseconds. docs/call-tree.md has the decisions. */
#ifndef PANDO_COLLECTOR_SNAPSHOT_H
#define PANDO_COLLECTOR_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "collector/call_tree.h"
#include "collector/slice_table.h"
#include "profile/profile.h"
#include "symbols/symbols.h"

/* How frames of our own, and those for whose names there was no more room, are shown. */
#define PANDO_SNAPSHOT_INCOMPLETE "<Incomplete>"
#define PANDO_SNAPSHOT_TRUNCATED "<Truncated>"
#define PANDO_SNAPSHOT_UNSAMPLED "<Unsampled>"
#define PANDO_SNAPSHOT_NAMELESS "<Nameless>" /* inlined code of a function that the debug information does not name */
#define PANDO_SNAPSHOT_NAMES_LEFT_OUT "<NamesLeftOut>"

/* The limit for a builder in which any tree of `tree_bytes` (as pando_call_tree_bytes says) finds room, with `names_limit_bytes`
 * for frames and their names. */
size_t pando_snapshot_builder_bytes(size_t tree_bytes, size_t names_limit_bytes);

/* Adds the tree to `builder`, under its root. Nodes without weight in or below them are left out. The sum of self that is added
 * is the tree's weight, exactly. Once the builder uses more than `names_limit_bytes`, frames that are new share one name.
 * `slices` may be NULL, if the tree has none. *ret_unnamed: distinct frames shown without a function's name ("[object+0x...]" and the like).
 * 0, PANDO_ERR_LIMIT (the builder was made too small) or PANDO_ERR_NO_MEMORY: the builder is of no use then. */
int pando_snapshot_fill(struct pando_profile_builder *builder, const struct pando_call_tree *tree,
                        struct pando_symbols *symbols, const struct pando_slice_table *slices, size_t names_limit_bytes,
                        uint64_t *ret_unnamed);

#endif
