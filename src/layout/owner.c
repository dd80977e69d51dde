#include "layout/owner.h"

#include <string.h>

/* Without "std::" and the namespace of a version in it, and what is behind a '<'. */
static const char *const cxx[] = {
    "basic_string",
    "basic_string_view",
    "vector",
    "deque",
    "list",
    "forward_list",
    "map",
    "set",
    "multimap",
    "multiset",
    "_Rb_tree",
    "unordered_map",
    "unordered_set",
    "unordered_multimap",
    "unordered_multiset",
    "_Hashtable",
    "shared_ptr",
    "weak_ptr",
    "function",
    "any",
    "span",
};

static const char *const rust[] = {
    /* how they begin */
    "&str",    "&mut str",           "&[",          "&mut [",
    "&dyn ",   "&mut dyn ",          "*const [",    "*mut [",
    "alloc::", "std::collections::", "hashbrown::",
};

static bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static bool is_cxx(const char *name)
{
    if (!begins(name, "std::")) {
        return false;
    }
    name += strlen("std::");
    const char *behind = begins(name, "__") ? strstr(name, "::") : NULL;
    name = behind != NULL && behind < name + strcspn(name, "<") ? behind + 2 : name;
    size_t len = strcspn(name, "<");
    for (size_t i = 0; i < sizeof cxx / sizeof cxx[0]; i++) {
        if (strlen(cxx[i]) == len && memcmp(cxx[i], name, len) == 0) {
            return true;
        }
    }
    return false;
}

bool owner_is(const struct layout *layout, const struct layout_type *type)
{
    const char *name = layout_string(layout, type->name);
    if (type->kind != LAYOUT_STRUCT) {
        return false;
    }
    for (size_t i = 0; i < sizeof rust / sizeof rust[0]; i++) {
        if (begins(name, rust[i])) {
            return true;
        }
    }
    return is_cxx(name);
}
