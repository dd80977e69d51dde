/* Whether the code of a library may read the terminal, as far as its imports and the libraries that
 * it needs tell. Wrong to the safe side: who reads files by read() is taken for who may. */
#include "module/elf_parts.h"

#include <stdlib.h>
#include <string.h>

/* What reads, waits for input, sets a terminal's modes, or runs code that is not in the library. In
 * the order of strcmp. */
static const char *const READERS[] = {"_IO_getc",
                                      "_ZSt3cin",
                                      "_ZSt4wcin",
                                      "__isoc23_fscanf",
                                      "__isoc23_fwscanf",
                                      "__isoc23_scanf",
                                      "__isoc23_vfscanf",
                                      "__isoc23_vscanf",
                                      "__isoc23_wscanf",
                                      "__isoc99_fscanf",
                                      "__isoc99_fwscanf",
                                      "__isoc99_scanf",
                                      "__isoc99_vfscanf",
                                      "__isoc99_vscanf",
                                      "__isoc99_wscanf",
                                      "__uflow",
                                      "__underflow",
                                      "dlmopen",
                                      "dlopen",
                                      "execl",
                                      "execle",
                                      "execlp",
                                      "execv",
                                      "execve",
                                      "execvp",
                                      "execvpe",
                                      "fgetc",
                                      "fgetc_unlocked",
                                      "fgets",
                                      "fgets_unlocked",
                                      "fgetwc",
                                      "fgetws",
                                      "fork",
                                      "fread",
                                      "fread_unlocked",
                                      "fscanf",
                                      "fwscanf",
                                      "getc",
                                      "getc_unlocked",
                                      "getch",
                                      "getchar",
                                      "getchar_unlocked",
                                      "getdelim",
                                      "getline",
                                      "getpass",
                                      "gets",
                                      "getwc",
                                      "getwchar",
                                      "poll",
                                      "popen",
                                      "posix_spawn",
                                      "posix_spawnp",
                                      "ppoll",
                                      "pselect",
                                      "read",
                                      "readv",
                                      "scanf",
                                      "select",
                                      "stdin",
                                      "syscall",
                                      "system",
                                      "tcgetattr",
                                      "tcsetattr",
                                      "vfork",
                                      "vfscanf",
                                      "vscanf",
                                      "wscanf"};

/* Needed libraries that read no terminal, by the begin of their names. Those of the system bring
 * what is looked at by name above. */
static const char *const QUIET[] = {
    "ld-linux",     "ld-musl",       "libEGL.",      "libGL.",         "libGLESv",
    "libGLEW.",     "libGLU.",       "libGLX.",      "libGLdispatch.", "libOpenGL.",
    "libSDL2",      "libSDL3",       "libX11",       "libXcursor.",    "libXext.",
    "libXfixes.",   "libXi.",        "libXinerama.", "libXrandr.",     "libXrender.",
    "libXss.",      "libXxf86vm.",   "liballegro",   "libasan.",       "libasound.",
    "libatomic.",   "libbox2d.",     "libc++.",      "libc++abi.",     "libc.",
    "libcairo.",    "libcjson.",     "libdl.",       "libdrm.",        "libfontconfig.",
    "libfreetype.", "libgbm.",       "libgcc_s.",    "libglfw.",       "libharfbuzz.",
    "libjack.",     "libjpeg.",      "liblsan.",     "libm.",          "libmvec.",
    "libogg.",      "libopenal.",    "libopus.",     "libpipewire-",   "libpixman-",
    "libpng",       "libportaudio.", "libpthread.",  "libpulse",       "libraylib.",
    "librt.",       "libsndfile.",   "libstdc++.",   "libtsan.",       "libubsan.",
    "libvorbis",    "libvulkan.",    "libwayland-",  "libxcb",         "libxkbcommon",
    "libz."};

static int compare(const void *name, const void *row)
{
    return strcmp(name, *(const char *const *)row);
}

void elf_note_reader(struct elf_parts *parts, const char *name)
{
    char plain[32];
    size_t len = strlen(name);
    if (parts->facts->reader[0] != '\0') {
        return;
    }
    /* __read_chk: what _FORTIFY_SOURCE makes of read. */
    if (len > 6 && len < sizeof plain && strncmp(name, "__", 2) == 0 &&
        strcmp(name + len - 4, "_chk") == 0) {
        memcpy(plain, name + 2, len - 6);
        plain[len - 6] = '\0';
        name = plain;
    }
    if (bsearch(name, READERS, sizeof READERS / sizeof READERS[0], sizeof READERS[0], compare) !=
        NULL) {
        strcpy(parts->facts->reader, name);
    }
}

static bool is_quiet(const char *name)
{
    for (size_t i = 0; i < sizeof QUIET / sizeof QUIET[0]; i++) {
        if (strncmp(name, QUIET[i], strlen(QUIET[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool elf_terminal_check(struct elf_parts *parts)
{
    char name[sizeof parts->facts->reader];
    if (parts->needed_count == ELF_MAX_NEEDED && parts->facts->reader[0] == '\0') {
        strcpy(parts->facts->reader, "one of very many libraries");
    }
    for (size_t i = 0; i < parts->needed_count && parts->facts->reader[0] == '\0'; i++) {
        if (!elf_string(parts, parts->needed[i], name, sizeof name)) {
            return false;
        }
        if (!is_quiet(name)) {
            strcpy(parts->facts->reader, name);
        }
    }
    return true;
}
