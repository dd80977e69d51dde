//! The program to ship: hotrun/static.h runs the module, without a loader.

#[path = "lib.rs"]
mod module;

use module::hotrun::{Host, Step, Table};
use std::ffi::{c_void, CString};
use std::os::raw::{c_char, c_int};
use std::os::unix::ffi::OsStringExt;

const HZ: f64 = 60.0;

extern "C" {
    fn hotrun_static_begin(
        module: *const Table,
        argc: c_int,
        argv: *mut *mut c_char,
        hz: f64,
        config: *const c_char,
    ) -> *mut c_void;
    fn hotrun_static_host(run: *const c_void) -> *const Host;
    fn hotrun_static_state(run: *const c_void) -> *mut c_void;
    fn hotrun_static_next(run: *mut c_void, last: i32) -> *const Step;
    fn hotrun_static_end(run: *mut c_void) -> c_int;
}

fn main() {
    let table = &module::hotrun_module_table;
    let args: Vec<CString> =
        std::env::args_os().filter_map(|arg| CString::new(arg.into_vec()).ok()).collect();
    let mut argv: Vec<*mut c_char> = args.iter().map(|arg| arg.as_ptr() as *mut c_char).collect();
    argv.push(std::ptr::null_mut());
    let status = unsafe {
        let config = std::ptr::null();
        let run =
            hotrun_static_begin(table, args.len() as c_int, argv.as_mut_ptr(), HZ, config);
        let (host, state) = (hotrun_static_host(run), hotrun_static_state(run));
        let mut last = 0;
        loop {
            let now = hotrun_static_next(run, last);
            if now.is_null() {
                break hotrun_static_end(run);
            }
            last = (table.step)(host, state, now);
        }
    };
    std::process::exit(status);
}
