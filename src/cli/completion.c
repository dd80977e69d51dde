#include "cli/completion.h"

#include "cli/completion_parts.h"
#include "cli/help.h"
#include "cli/offer.h"

#include <string.h>

bool completion_has_subs(enum command command)
{
    for (size_t i = 0; i < sub_row_count; i++) {
        if (sub_rows[i].command == command) {
            return true;
        }
    }
    return false;
}

void completion_quote(struct text *out, const char *name, const char *help)
{
    (void)text_printf(out, name[0] != '\0' ? "'%s:" : "'%s", name);
    for (const char *at = help; *at != '\0'; at++) {
        (void)text_puts(out, *at == '\'' ? "'\\''" : (char[]){*at, '\0'});
    }
    (void)text_puts(out, "'");
}

/* ---- bash and zsh: what is offered is one word for the kind, and words ---- */

static void write_offer(struct text *out, const char *usage)
{
    static const char *const kinds[] = {[OFFER_NONE] = "none",
                                        [OFFER_FILES] = "files",
                                        [OFFER_FOLDERS] = "folders",
                                        [OFFER_PROGRAMS] = "programs"};
    struct offer offer = offer_of(usage);
    (void)text_printf(out, "offer='%s%s'", kinds[offer.kind], text_string(&offer.words));
    out->failed = out->failed || offer.words.failed;
    offer_finish(&offer);
}

static void write_values(struct text *out)
{
    (void)text_puts(out, "_hotrun_value() {\n    case $1 in\n");
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (row->value != NULL) {
            const char letter[] = {'-', row->letter, '|', '\0'};
            (void)text_printf(out, "    %s--%s) ", row->letter != 0 ? letter : "", row->name);
            write_offer(out, row->value);
            (void)text_puts(out, " ;;\n");
        }
    }
    (void)text_puts(out, "    *) return 1 ;;\n    esac\n}\n\n");
}

static void write_subs(struct text *out, const struct command_row *row)
{
    (void)text_printf(out, "    %s)\n        case $2 in\n        '') offer='none", row->name);
    for (size_t i = 0; i < sub_row_count; i++) {
        if (sub_rows[i].command == row->command) {
            (void)text_printf(out, " %s", sub_rows[i].name);
        }
    }
    (void)text_puts(out, "' ;;\n");
    for (size_t i = 0; i < sub_row_count; i++) {
        const struct sub_row *sub = &sub_rows[i];
        if (sub->command == row->command) {
            (void)text_printf(out, "        %s) [[ $3 -gt %u ]] || ", sub->name, sub->most);
            write_offer(out, sub->usage);
            (void)text_puts(out, " ;;\n");
        }
    }
    (void)text_puts(out, "        esac ;;\n");
}

static void write_words(struct text *out)
{
    (void)text_puts(out, "_hotrun_word() {\n    offer=none\n    case $1 in\n");
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (completion_has_subs(row->command)) {
            write_subs(out, row);
        } else if (row->words > 0) {
            (void)text_printf(out, "    %s) [[ $3 -ge %u ]] || ", row->name, row->words);
            write_offer(out, row->usage);
            (void)text_puts(out, " ;;\n");
        }
    }
    (void)text_puts(out, "    esac\n}\n\n");
}

/* `texts`: with what they mean behind a colon. */
static void write_options(struct text *out, bool texts)
{
    (void)text_puts(out, "_hotrun_options() {\n    case $1 in\n");
    for (size_t i = 0; i < command_row_count; i++) {
        (void)text_printf(out, "    %s) options=(", command_rows[i].name);
        for (size_t j = 0; j < option_row_count; j++) {
            const struct option_row *row = &option_rows[j];
            if ((row->commands & 1U << command_rows[i].command) == 0) {
                continue;
            }
            if (texts) {
                (void)text_puts(out, "\n        --");
                completion_quote(out, row->name, row->help);
            } else {
                (void)text_printf(out, " --%s", row->name);
            }
        }
        (void)text_puts(out, ") ;;\n");
    }
    (void)text_puts(out, "    esac\n}\n\n");
}

static void write_commands(struct text *out, bool texts)
{
    (void)text_puts(out, "_hotrun_commands() {\n    commands=(");
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (texts) {
            (void)text_puts(out, "\n        ");
            completion_quote(out, row->name, row->help);
        } else {
            (void)text_printf(out, " %s", row->name);
        }
    }
    (void)text_puts(out, ")\n}\n\n");
}

static const char bash_end[] =
    "_hotrun() {\n"
    "    local IFS=$' \\t\\n' current=${COMP_WORDS[COMP_CWORD]} command=run named= sub=\n"
    "    local offer=none waits= prefix= word at=1 count=0\n"
    "    local -a commands options words\n"
    "    COMPREPLY=()\n"
    "    _hotrun_commands\n"
    "    for word in \"${commands[@]}\"; do\n"
    "        if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == \"$word\" ]]; then\n"
    "            command=$word named=1 at=2\n"
    "        fi\n"
    "    done\n"
    "    for ((; at < COMP_CWORD; at++)); do\n"
    "        word=${COMP_WORDS[at]}\n"
    "        if [[ $waits ]]; then\n"
    "            [[ $word == '=' ]] || waits=\n"
    "        elif [[ $word == -- ]]; then\n"
    "            compopt -o default 2>/dev/null\n"
    "            return\n"
    "        elif [[ $word == -* ]]; then\n"
    "            _hotrun_value \"$word\" && waits=$offer\n"
    "        else\n"
    "            [[ $count -gt 0 ]] || sub=$word\n"
    "            ((count += 1))\n"
    "        fi\n"
    "    done\n"
    "    if [[ $waits ]]; then\n"
    "        offer=$waits\n"
    "        [[ $current != '=' ]] || current=\n"
    "    elif [[ $current == --*=* ]] && _hotrun_value \"${current%%=*}\"; then\n"
    "        prefix=${current%%=*}= current=${current#*=}\n"
    "    elif [[ $current == -* ]]; then\n"
    "        _hotrun_options $command\n"
    "        offer=\"none ${options[*]}\"\n"
    "    else\n"
    "        _hotrun_word $command \"$sub\" $count\n"
    "        [[ $named || $COMP_CWORD -gt 1 ]] || offer=\"modules ${commands[*]}\"\n"
    "    fi\n"
    "    words=($offer)\n"
    "    for word in \"${words[@]:1}\"; do\n"
    "        [[ $word != \"$current\"* ]] || COMPREPLY+=(\"$prefix$word\")\n"
    "    done\n"
    "    case ${words[0]} in\n"
    "    files) compopt -o default 2>/dev/null ;;\n"
    "    folders) compopt -o dirnames 2>/dev/null ;;\n"
    "    programs)\n"
    "        while IFS= read -r word; do\n"
    "            COMPREPLY+=(\"$prefix$word\")\n"
    "        done < <(compgen -c -- \"$current\") ;;\n"
    "    modules)\n"
    "        compopt -o default 2>/dev/null\n"
    "        [[ $current != */* ]] || return 0\n"
    "        for word in \"$current\"*.so \"$current\"*.{c,cc,cpp,cxx}; do\n"
    "            [[ ! -f $word ]] || COMPREPLY+=(\"$(printf %q \"$word\")\")\n"
    "        done ;;\n"
    "    esac\n"
    "    return 0\n"
    "}\n"
    "\n"
    "complete -F _hotrun hotrun\n";

static void write_bash(struct text *out)
{
    (void)text_puts(out, "# Completion of hotrun for bash, made by `hotrun completion bash`.\n\n");
    write_commands(out, false);
    write_options(out, false);
    write_values(out);
    write_words(out);
    (void)text_puts(out, bash_end);
}

/* zsh's own completion of files and programs runs a command substitution in the word. */
static const char zsh_end[] =
    "_hotrun_unless_run() {\n"
    "    [[ $PREFIX$SUFFIX != *('$('|'`'|'<('|'>('|'=(')* ]] && \"$@\"\n"
    "}\n"
    "\n"
    "_hotrun() {\n"
    "    local command=run named= sub= offer=none waits= word at=2 count=0 ret=1\n"
    "    local -a commands options offers\n"
    "    _hotrun_commands\n"
    "    if (( CURRENT > 2 )) && [[ -n ${(M)commands:#${(b)words[2]}:*} ]]; then\n"
    "        command=$words[2] named=1 at=3\n"
    "    fi\n"
    "    for (( ; at < CURRENT; at++ )); do\n"
    "        word=$words[at]\n"
    "        if [[ -n $waits ]]; then\n"
    "            waits=\n"
    "        elif [[ $word == -- ]]; then\n"
    "            _hotrun_unless_run _files\n"
    "            return\n"
    "        elif [[ $word == -* ]]; then\n"
    "            _hotrun_value \"$word\" && waits=$offer\n"
    "        else\n"
    "            (( count > 0 )) || sub=$word\n"
    "            (( count += 1 ))\n"
    "        fi\n"
    "    done\n"
    "    if [[ -n $waits ]]; then\n"
    "        offer=$waits\n"
    "    elif [[ $PREFIX == --*=* ]] && _hotrun_value \"${PREFIX%%=*}\"; then\n"
    "        compset -P '*='\n"
    "    elif [[ $PREFIX == -* ]]; then\n"
    "        _hotrun_options $command\n"
    "        _describe -o option options\n"
    "        return\n"
    "    else\n"
    "        _hotrun_word $command \"$sub\" $count\n"
    "        if (( CURRENT == 2 )); then\n"
    "            _describe command commands && ret=0\n"
    "        fi\n"
    "    fi\n"
    "    offers=(${=offer})\n"
    "    if (( $#offers > 1 )); then\n"
    "        compadd -- \"${(@)offers[2,-1]}\" && ret=0\n"
    "    fi\n"
    "    case $offers[1] in\n"
    "    files) _hotrun_unless_run _files && ret=0 ;;\n"
    "    folders) _hotrun_unless_run _files -/ && ret=0 ;;\n"
    "    programs) _hotrun_unless_run _command_names -e && ret=0 ;;\n"
    "    esac\n"
    "    return ret\n"
    "}\n"
    "\n"
    "if [[ $funcstack[1] == _hotrun ]]; then\n"
    "    _hotrun \"$@\"\n"
    "else\n"
    "    compdef _hotrun hotrun\n"
    "fi\n";

static void write_zsh(struct text *out)
{
    (void)text_puts(out, "#compdef hotrun\n"
                         "# Completion of hotrun for zsh, made by `hotrun completion zsh`.\n\n");
    write_commands(out, true);
    write_options(out, true);
    write_values(out);
    write_words(out);
    (void)text_puts(out, zsh_end);
}

static const struct shell_row {
    const char *name;
    void (*write)(struct text *out);
} shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", completion_write_fish}};

bool completion_write(struct text *out, const char *shell, struct error *err)
{
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].write(out);
            return !out->failed || error_set(err, ERROR_SYSTEM, "no memory for a script");
        }
    }
    return error_set(err, ERROR_USAGE, "completion: expected bash, zsh or fish, found \"%.40s\"",
                     shell);
}
