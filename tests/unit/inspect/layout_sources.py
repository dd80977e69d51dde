"""Sources with each kind of type that a state may have. `measure` tells the places that the
compiler gave to their fields: "path:offset:size ..."."""

MEASURE = """
#include <stdio.h>
#define PLACE(path) at += snprintf(text + at, sizeof text - at, #path ":%%zu:%%zu ", \\
                                   offsetof(%s, path), sizeof(((%s *)0)->path));
%s const char *measure(void)
{
    static char text[8192];
    size_t at = 0;
    %s
    return text;
}
"""


def measure(of, fields, before=""):
    return MEASURE % (of, of, before, "".join(f"PLACE({field}) " for field in fields.split()))


C = """
#include <stdbool.h>
#include <stdint.h>
struct node { struct node *next; int v; };
enum color { RED = -3, GREEN, BLUE = 7 };
enum wide { SMALL = 1, HUGE = 1ll << 40 };
typedef struct { short s; char t; } anon;
typedef float float4 __attribute__((vector_size(16)));
struct unknown;
struct all {
    bool b;
    char c;
    signed char sc;
    uint8_t uc;
    short s;
    const volatile unsigned long ul;
    __extension__ __int128 i128;
    float f;
    double d;
    long double ld;
    enum color color;
    enum wide wide;
    struct all *self;
    int (*call)(struct all *, int);
    const char *text;
    void *any;
    struct node nodes[3];
    int grid[2][5];
    int cube[2][3][4];
    int none[0];
    struct { int k; union { int i; double d; } u; } in;
    union { int left; float right; };
    struct { int x, y; };
    float4 v4;
    _Complex double complex;
    char name[16];
    struct { char a; int b; } __attribute__((packed)) packed;
    _Alignas(64) char aligned;
    anon anon;
    struct unknown *opaque;
    struct { int __attribute__((aligned(2))) half; } odd;
    unsigned b1 : 1, b2 : 7;
    unsigned : 0;
    int b3 : 31;
    enum color b4 : 2;
    bool b5 : 1;
    long b6 : 40;
    __float128 q;
    struct { int dummy[0]; } nothing;
    _Atomic int shared;
    char *restrict words[2];
};
""" + measure("struct all", """
    b c sc uc s ul i128 f d ld color wide self call text any nodes grid cube none in in.k in.u in.u.d
    left right x y v4 complex name packed packed.a packed.b aligned anon anon.s anon.t opaque odd
    odd.half q nothing shared words""") + """
struct all the_first;
"""

CXX = """
#include <cstdint>
namespace game {
struct base { int b; virtual ~base() {} };
struct other { double o; };
struct empty {};
namespace { struct hidden { short h; }; }
template <class T, int N> struct vec { T at[N]; };
enum class color : signed char { red = -1, green };
typedef struct { int t; } named;
struct all : base, other, empty {
    struct inner { long l; union { int i; float f; }; };
    static int shared_by_all;
    vec<int, 3> v;
    inner in;
    hidden hid;
    color col;
    named nam;
    int &ref;
    int &&moved;
    int (base::*method)(int);
    int base::*member;
    decltype(nullptr) null;
    char16_t c16;
    wchar_t wide;
    bool yes : 1;
    unsigned few : 3;
    mutable int mut;
    all *self;
    void (*call)();
    const char *text;
    char name[8];
    vec<vec<char, 2>, 4> vecs;
    int none[0];
    int grid[2][3];
    alignas(32) char aligned;
    float f;
    double d;
    long double ld;
    uint8_t u8;
    int64_t i64;
    union { int left; float right; };
    empty nothing;
    all();
    int method_of(int);
};
int all::shared_by_all = 3;
all::all() : ref(b), moved(static_cast<int &&>(b)) {}
int all::method_of(int a) { return a + few; }
}
using game::all;
""" + measure("all", """
    v in in.l in.i in.f hid hid.h col nam nam.t method member null c16 wide mut self call
    text name vecs none grid aligned f d ld u8 i64 left right nothing""",
              'extern "C" __attribute__((visibility("default")))') + """
game::all the_first;
"""

VARIABLES = """
struct game { int a; };
static int speed = 3;
int score = 4;
const int limit = 5;
static _Thread_local int mine;
static struct { int one, two; } pair;
const char *const names[] = {"a", "b"};
const char *table[] = {"c", "d"};
HOTRUN_RESET int fresh = 6;
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    static int calls;
    (void)host, (void)state;
    if (now == NULL) {
        static int twice;
        twice += speed++;
        pair.one += twice;
    } else {
        static int twice;
        twice++;
        pair.two += twice;
    }
    mine++;
    return (hotrun_status)(calls++ + pair.one * pair.two + mine);
}
"""

RUST = """
#![allow(dead_code)]
use std::ffi::c_void;
use std::mem::{size_of, MaybeUninit};
use std::ptr::addr_of;
pub mod world {
    #[repr(C)] pub struct Node { pub next: *mut Node, pub value: i32 }
    #[repr(u8)] pub enum Kind { A = 1, B = 200 }
    #[repr(C)] pub union Either { pub i: i32, pub f: f64 }
    #[repr(C)] pub struct Free { pub byte: u8, pub wide: i64 }
    #[repr(C)]
    pub struct All {
        pub b: bool, pub c: char, pub i8: i8, pub u8: u8, pub i16: i16, pub u16: u16, pub i32: i32,
        pub u32: u32, pub i64: i64, pub u64: u64, pub i128: i128, pub size: usize, pub f32: f32,
        pub f64: f64, pub kind: Kind, pub either: Either, pub node: Node, pub pointer: *const Node,
        pub grid: [[u16; 3]; 2], pub name: [i8; 12], pub pair: (i32, f32), pub free: Free,
        pub maybe: Option<&'static Node>, pub choice: Option<i32>, pub call: extern "C" fn(i32),
        pub text: &'static str, pub nothing: (), pub none: [i32; 0],
    }
}
use world::All;
#[no_mangle]
pub extern "C" fn measure() -> *const u8 {
    let mut text = String::new();
    let all = MaybeUninit::<All>::uninit();
    macro_rules! offset { ($name:ident) => {
        unsafe { addr_of!((*all.as_ptr()).$name) as usize - all.as_ptr() as usize } } }
    macro_rules! place { ($($name:ident),*) => { $(
        let size = { fn of<T, U>(_: fn(&T) -> &U) -> usize { size_of::<U>() } of(|a: &All| &a.$name) };
        text += &format!("{}:{}:{} ", stringify!($name), offset!($name), size); )* } }
    place!(b, c, i8, u8, i16, u16, i32, u32, i64, u64, i128, size, f32, f64, kind, either, node,
           pointer, grid, name, pair, free, maybe, choice, call, text, nothing, none);
    text += &format!("node.value:{}:4 ", offset!(node) + 8);
    text += &format!("free.wide:{}:8 ", offset!(free) + 8);
    text += &format!("either.f:{}:8 ", offset!(either));
    text.push('\\0');
    Box::leak(text.into_boxed_str()).as_ptr()
}
extern "C" fn state_type() -> *mut All { std::ptr::null_mut() }
extern "C" fn step(_: *const c_void, _: *mut c_void, _: *const c_void) -> i32 { 0 }
#[repr(C)]
pub struct Module {
    size: u32, abi_major: u32, abi_minor: u32, state_align: u32, state_size: usize,
    state_type: extern "C" fn() -> *mut All, name: *const u8, flags: u32, state_version: u32,
    init: *const c_void, step: extern "C" fn(*const c_void, *mut c_void, *const c_void) -> i32,
    rest: [usize; 5],
}
unsafe impl Sync for Module {}
#[no_mangle]
pub static hotrun_module_table: Module = Module {
    size: size_of::<Module>() as u32, abi_major: 1, abi_minor: 0, state_align: 16,
    state_size: size_of::<All>(), state_type, name: b"game\\0".as_ptr(), flags: 0, state_version: 0,
    init: std::ptr::null(), step, rest: [0; 5],
};
"""
