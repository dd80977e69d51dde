//! hotrun/hotrun.h in Rust: the structs as C has them, and a trait to write a module with. Names,
//! threads, lifetimes and errors are told in that header.
#![allow(dead_code)]

use std::ffi::{c_void, CStr, CString};
use std::os::raw::{c_char, c_int};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub const LOG_INFO: i32 = 2;
pub const LOG_WARN: i32 = 3;
pub const LOG_ERROR: i32 = 4;

pub const STEP_UPDATED: u32 = 1;
pub const STEP_RESTORED: u32 = 2;

pub const EVENT_BEFORE_RELOAD: u32 = 1;
pub const EVENT_AFTER_RELOAD: u32 = 2;
pub const EVENT_RELOAD_REJECTED: u32 = 3;
pub const EVENT_ROLLED_BACK: u32 = 4;
pub const EVENT_FD_READY: u32 = 8;
pub const EVENT_MESSAGE: u32 = 9;
pub const EVENT_STOPPING: u32 = 11;

const ABI_MAJOR: u32 = 1;
const ABI_MINOR: u32 = 0;
const OK: i32 = 0;
const EXIT: i32 = 1;
const DEFER: i32 = 2;
const ERR: i32 = -1;

#[repr(C)]
pub struct Step {
    pub size: u32,
    pub flags: u32,
    pub generation: u64,
    pub index: u64,
    pub now_ns: u64,
    pub dt_ns: u64,
}

#[repr(C)]
pub struct Writer {
    pub ctx: *mut c_void,
    pub write: extern "C" fn(*const Writer, *const c_char, usize) -> i32,
}

#[repr(C)]
pub struct Event {
    pub size: u32,
    pub kind: u32, // EVENT_
    pub name: *const c_char,
    pub text: *const c_char,
    pub value: i64,
    pub reply: *const Writer,
}

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub argc: i32,
    pub argv: *const *const c_char,
    pub config: *const c_char,
    pub ctx: *mut c_void,
    pub log: extern "C" fn(*const Host, i32, *const c_char),
    pub wake: extern "C" fn(*const Host),
    pub set_rate: extern "C" fn(*const Host, f64),
    pub request_reload: extern "C" fn(*const Host),
    pub request_snapshot: extern "C" fn(*const Host),
    pub request_exit: extern "C" fn(*const Host, i32),
    pub keep: extern "C" fn(*const Host, *const c_char, *mut c_void) -> i32,
    pub kept: extern "C" fn(*const Host, *const c_char) -> *mut c_void,
    pub keep_fd: extern "C" fn(*const Host, *const c_char, c_int) -> i32,
    pub kept_fd: extern "C" fn(*const Host, *const c_char) -> c_int,
    pub watch_fd: extern "C" fn(*const Host, *const c_char, c_int) -> i32,
    pub get_extension: extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

pub type Serialize = extern "C" fn(*const Host, *const c_void, *const Writer) -> i32;
pub type Deserialize = extern "C" fn(*const Host, *mut c_void, *const c_char, usize, u32) -> i32;

#[repr(C)]
pub struct Table {
    pub size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub state_align: u32,
    pub state_size: usize,
    pub state_type: Option<extern "C" fn()>,
    pub name: *const c_char,
    pub flags: u32,
    pub state_version: u32,
    pub init: extern "C" fn(*const Host, *mut c_void) -> i32,
    pub step: extern "C" fn(*const Host, *mut c_void, *const Step) -> i32,
    pub serialize: Option<Serialize>,
    pub deserialize: Option<Deserialize>,
    pub on_event: extern "C" fn(*const Host, *mut c_void, *const Event) -> i32,
    pub fini: extern "C" fn(*const Host, *mut c_void, u32),
    pub get_extension: Option<extern "C" fn(*const c_char) -> *const c_void>,
}

// It is constant, and its name is a literal.
unsafe impl Sync for Table {}

// ---- What a module sees ----

impl Host {
    pub fn log(&self, level: i32, line: &str) {
        let line = CString::new(line.replace('\0', " ")).unwrap_or_default();
        (self.log)(self, level, line.as_ptr());
    }

    /// [module.config] of hotrun.toml as a JSON object.
    pub fn config(&self) -> String {
        unsafe { text(self.config) }
    }

    /// What stood behind `--`.
    pub fn args(&self) -> Vec<String> {
        (0..self.argc as usize)
            .map(|i| unsafe { text(*self.argv.add(i)) })
            .collect()
    }
}

impl Event {
    pub fn name(&self) -> String {
        unsafe { text(self.name) }
    }

    pub fn text(&self) -> String {
        unsafe { text(self.text) }
    }
}

unsafe fn text(c: *const c_char) -> String {
    if c.is_null() {
        return String::new();
    }
    CStr::from_ptr(c).to_string_lossy().into_owned()
}

pub enum Flow {
    GoOn,
    Exit,  // of a step: ends the program
    Defer, // of BEFORE_RELOAD: not now
}

/// The state, and what is done with it. `default()` is what a fresh state holds, and what a field has
/// that an older state does not know. An Err or a panic is an error of that call, with its text as
/// the reason.
///
/// hotrun carries a state of numbers, bools, arrays, #[repr(C)] enums and structs over by its debug
/// info. The state is #[repr(C)], too, so that an edit leaves its other fields where they are.
pub trait Module: Default {
    fn step(&mut self, host: &Host, now: &Step) -> Result<Flow, String>;
    fn on_event(&mut self, _host: &Host, _event: &Event) -> Result<Flow, String> {
        Ok(Flow::GoOn)
    }
}

/// A state that goes to the next code, and through a crash, as JSON instead, because it has a Vec, a
/// String or a Box: what these hold is not known by debug info. hotrun_module!(State, "name", json)
/// takes it.
pub trait Json: Module {
    fn serialize(&self) -> String;
    fn deserialize(&mut self, json: &str) -> Result<(), String>;
}

/// HOTRUN_TRANSIENT and HOTRUN_RENAMED of C: a last field of a #[repr(C)] struct with this type and the
/// name hotrun_transient_FIELD or hotrun_renamed_NOW_hotrun_was_BEFORE. Its value is `[]`.
pub type Mark = [u8; 0];

// ---- Between the two ----

fn guard(host: *const Host, call: impl FnOnce(&Host) -> Result<i32, String>) -> i32 {
    let host = unsafe { &*host };
    let reason = match catch_unwind(AssertUnwindSafe(|| call(host))) {
        Ok(Ok(status)) => return status,
        Ok(Err(reason)) => reason,
        Err(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(words), _) => words.to_string(),
            (_, Some(words)) => words.clone(),
            _ => "a panic without words".to_string(),
        },
    };
    host.log(LOG_ERROR, &reason);
    ERR
}

fn status(flow: Flow) -> i32 {
    match flow {
        Flow::GoOn => OK,
        Flow::Exit => EXIT,
        Flow::Defer => DEFER,
    }
}

extern "C" fn init<T: Module>(host: *const Host, state: *mut c_void) -> i32 {
    guard(host, |_| {
        unsafe { state.cast::<T>().write(T::default()) };
        Ok(OK)
    })
}

extern "C" fn step<T: Module>(host: *const Host, state: *mut c_void, now: *const Step) -> i32 {
    guard(host, |host| {
        let state = unsafe { &mut *state.cast::<T>() };
        state.step(host, unsafe { &*now }).map(status)
    })
}

extern "C" fn serialize<T: Json>(
    host: *const Host,
    state: *const c_void,
    writer: *const Writer,
) -> i32 {
    guard(host, |_| {
        let json = unsafe { &*state.cast::<T>() }.serialize();
        Ok((unsafe { &*writer }.write)(writer, json.as_ptr().cast(), json.len()))
    })
}

extern "C" fn deserialize<T: Json>(
    host: *const Host,
    state: *mut c_void,
    json: *const c_char,
    len: usize,
    _from_version: u32,
) -> i32 {
    guard(host, |_| {
        let bytes = unsafe { std::slice::from_raw_parts(json.cast::<u8>(), len) };
        let json = std::str::from_utf8(bytes).map_err(|problem| problem.to_string())?;
        unsafe { &mut *state.cast::<T>() }.deserialize(json)?;
        Ok(OK)
    })
}

extern "C" fn on_event<T: Module>(
    host: *const Host,
    state: *mut c_void,
    event: *const Event,
) -> i32 {
    guard(host, |host| {
        let state = unsafe { &mut *state.cast::<T>() };
        state.on_event(host, unsafe { &*event }).map(status)
    })
}

extern "C" fn fini<T: Module>(host: *const Host, state: *mut c_void, _why: u32) {
    guard(host, |_| {
        if !state.is_null() {
            unsafe { std::ptr::drop_in_place(state.cast::<T>()) };
        }
        Ok(OK)
    });
}

/// Never called: debug info tells the state's layout by what it returns. Its body is like no other, so
/// that it is not folded with another function.
extern "C" fn state_type<T: Module>() -> *mut T {
    step::<T> as *const () as usize as *mut T
}

impl Table {
    /// `name` ends in a NUL.
    pub const fn of<T: Module>(name: &'static str) -> Table {
        Table {
            size: std::mem::size_of::<Table>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            state_align: std::mem::align_of::<T>() as u32,
            state_size: std::mem::size_of::<T>(),
            state_type: Some(unsafe {
                std::mem::transmute::<extern "C" fn() -> *mut T, extern "C" fn()>(state_type::<T>)
            }),
            name: name.as_ptr() as *const c_char,
            flags: 0,
            state_version: 0,
            init: init::<T>,
            step: step::<T>,
            serialize: None,
            deserialize: None,
            on_event: on_event::<T>,
            fini: fini::<T>,
            get_extension: None,
        }
    }

    pub const fn with_json<T: Json>(name: &'static str) -> Table {
        let mut table = Table::of::<T>(name);
        table.serialize = Some(serialize::<T>);
        table.deserialize = Some(deserialize::<T>);
        table
    }
}

/// hotrun_module!(State, "name") defines the table that hotrun looks for, once in a module.
macro_rules! hotrun_module {
    ($state:ty, $name:literal) => {
        hotrun_module!(@table hotrun::Table::of::<$state>(concat!($name, "\0")));
    };
    ($state:ty, $name:literal, json) => {
        hotrun_module!(@table hotrun::Table::with_json::<$state>(concat!($name, "\0")));
    };
    (@table $table:expr) => {
        #[no_mangle]
        #[allow(non_upper_case_globals)]
        pub static hotrun_module_table: hotrun::Table = $table;
    };
}
