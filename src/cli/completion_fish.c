/* A line for each thing that is offered. */
#include "cli/completion_parts.h"
#include "cli/offer.h"

static const char fish_end[] =
    "function __hotrun_at --description 'command, first word and number of words so far'\n"
    "    set -l tokens (commandline -opc)\n"
    "    set -e tokens[1]\n"
    "    set -l command none\n"
    "    set -l sub none\n"
    "    set -l count 0\n"
    "    set -l waits no\n"
    "    if contains -- \"$tokens[1]\" $__hotrun_commands\n"
    "        set command $tokens[1]\n"
    "        set -e tokens[1]\n"
    "    else if test (count $tokens) -gt 0\n"
    "        set command run\n"
    "    end\n"
    "    for token in $tokens\n"
    "        if test $waits = yes\n"
    "            set waits no\n"
    "        else if test \"$token\" = --\n"
    "            set command rest\n"
    "            break\n"
    "        else if contains -- \"$token\" $__hotrun_values\n"
    "            set waits yes\n"
    "        else if not string match -q -- '-*' \"$token\"\n"
    "            test $count -eq 0; and set sub $token\n"
    "            set count (math $count + 1)\n"
    "        end\n"
    "    end\n"
    "    printf '%s\\n' $command $sub $count\n"
    "end\n"
    "\n"
    "function __hotrun_in --description 'whether it is one of these commands'\n"
    "    set -l at (__hotrun_at)\n"
    "    test $at[1] = none; and set at[1] run\n"
    "    contains -- $at[1] $argv\n"
    "end\n"
    "\n"
    "function __hotrun_word --description 'COMMAND SUB FIRST BEHIND: words FIRST to BEHIND - 1'\n"
    "    set -l at (__hotrun_at)\n"
    "    test $at[1] = none; and set at[1] run\n"
    "    test $at[1] = $argv[1] -a $at[3] -ge $argv[3] -a $at[3] -lt $argv[4]\n"
    "    and begin\n"
    "        test $argv[2] = any; or test \"$at[2]\" = $argv[2]\n"
    "    end\n"
    "end\n"
    "\n"
    "complete -c hotrun -e\n"
    "complete -c hotrun -f\n"
    "complete -c hotrun -n 'test (__hotrun_at)[1] = rest' -F\n";

static void write_fish_offer(struct text *out, const char *usage, bool is_value)
{
    static const char *const kinds[] = {[OFFER_NONE] = "",
                                        [OFFER_FILES] = "",
                                        [OFFER_FOLDERS] = " (__fish_complete_directories)",
                                        [OFFER_PROGRAMS] = " (complete -C \"\")"};
    struct offer offer = offer_of(usage);
    bool files = offer.kind == OFFER_FILES;
    (void)text_puts(out, !is_value ? (files ? " -F" : "") : files ? " -r -F" : " -x");
    if (offer.words.len > 0 || kinds[offer.kind][0] != '\0') {
        (void)text_printf(out, " -a '%s%s'", offer.words.len > 0 ? offer.words.data + 1 : "",
                          kinds[offer.kind]);
    }
    out->failed = out->failed || offer.words.failed;
    offer_finish(&offer);
}

static void write_fish_words(struct text *out, const struct command_row *row)
{
    for (size_t i = 0; i < sub_row_count; i++) {
        const struct sub_row *sub = &sub_rows[i];
        if (sub->command == row->command) {
            (void)text_printf(out, "complete -c hotrun -n '__hotrun_word %s any 0 1' -a %s -d ",
                              row->name, sub->name);
            completion_quote(out, "", sub->help);
            (void)text_printf(out, "\ncomplete -c hotrun -n '__hotrun_word %s %s 1 %u'", row->name,
                              sub->name, sub->most + 1);
            write_fish_offer(out, sub->usage, false);
            (void)text_puts(out, "\n");
        }
    }
    if (!completion_has_subs(row->command) && row->words > 0) {
        (void)text_printf(out, "complete -c hotrun -n '__hotrun_word %s any 0 %u'", row->name,
                          row->words);
        write_fish_offer(out, row->usage, false);
        (void)text_puts(out, "\n");
    }
}

static void write_fish_option(struct text *out, const struct option_row *row)
{
    (void)text_puts(out, "complete -c hotrun -n '__hotrun_in");
    for (size_t i = 0; i < command_row_count; i++) {
        if ((row->commands & 1U << command_rows[i].command) != 0) {
            (void)text_printf(out, " %s", command_rows[i].name);
        }
    }
    (void)text_printf(out, "' -l %s", row->name);
    if (row->letter != 0) {
        (void)text_printf(out, " -s %c", row->letter);
    }
    if (row->value != NULL) {
        write_fish_offer(out, row->value, true);
    }
    (void)text_puts(out, " -d ");
    completion_quote(out, "", row->help);
    (void)text_puts(out, "\n");
}

void completion_write_fish(struct text *out)
{
    (void)text_puts(out, "# Completion of hotrun for fish, made by `hotrun completion fish`.\n\n"
                         "set -g __hotrun_commands");
    for (size_t i = 0; i < command_row_count; i++) {
        (void)text_printf(out, " %s", command_rows[i].name);
    }
    (void)text_puts(out, "\nset -g __hotrun_values");
    for (size_t i = 0; i < option_row_count; i++) {
        if (option_rows[i].value != NULL) {
            (void)text_printf(out, " --%s", option_rows[i].name);
            if (option_rows[i].letter != 0) {
                (void)text_printf(out, " -%c", option_rows[i].letter);
            }
        }
    }
    (void)text_printf(out, "\n\n%s\n", fish_end);
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        (void)text_printf(out, "complete -c hotrun -n 'test (__hotrun_at)[1] = none' -a %s -d ",
                          row->name);
        completion_quote(out, "", row->help);
        (void)text_puts(out, "\n");
        write_fish_words(out, row);
    }
    for (size_t i = 0; i < option_row_count; i++) {
        write_fish_option(out, &option_rows[i]);
    }
}
