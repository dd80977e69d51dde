// What stands in front of a pair's code in Rust.
use std::ffi::c_void;
use std::os::raw::{c_char, c_int, c_uint};

#[repr(C)]
pub struct Table {
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    state_align: u32,
    state_size: usize,
    state_type: extern "C" fn() -> *mut Game,
    name: *const u8,
    flags: u32,
    state_version: u32,
    init: Option<extern "C" fn(*const c_void, *mut Game) -> i32>,
    step: Option<extern "C" fn(*const c_void, *mut Game, *const c_void) -> i32>,
    unused: [usize; 5],
}
unsafe impl Sync for Table {}

#[inline(never)]
extern "C" fn state_type() -> *mut Game {
    &hotrun_module_table as *const Table as *mut Game
}

extern "C" fn step(_: *const c_void, _: *mut Game, _: *const c_void) -> i32 {
    0
}

#[no_mangle]
pub static hotrun_module_table: Table = Table {
    size: std::mem::size_of::<Table>() as u32,
    abi_major: 1,
    abi_minor: 0,
    state_align: std::mem::align_of::<Game>() as u32,
    state_size: std::mem::size_of::<Game>(),
    state_type,
    name: b"pair\0".as_ptr(),
    flags: 0,
    state_version: 0,
    init: Some(init),
    step: Some(step),
    unused: [0; 5],
};

#[repr(C)]
pub struct PairCall {
    host: *const c_void,
    state: *mut Game,
    way: c_uint,
    say: extern "C" fn(*const c_char),
    is_old: extern "C" fn(*const c_void) -> c_int,
}

impl PairCall {
    fn expect(&self, ways: c_uint, holds: bool, text: &str) {
        if self.way & ways != 0 && !holds {
            (self.say)(text.as_ptr().cast());
        }
    }
}
