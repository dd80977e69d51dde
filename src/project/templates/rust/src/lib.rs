//! @name@: a counter. Change it while it runs: the count goes on.

#[macro_use]
pub mod hotrun;

use hotrun::{Flow, Host, Mark, Module, Step};

/// Add, remove, reorder and retype fields while it runs: hotrun reads this struct from the debug info
/// and carries each value to the field of its name. A Vec, a String or a Box goes on in new code while
/// its elements are of the same kind, and has its default after a crash. Where that is not enough,
/// implement hotrun::Json.
#[repr(C)]
struct State {
    count: i64,
    by: i64,
    hotrun_transient_by: Mark, // after each save `by` is what default() says, not what it was
}

impl Default for State {
    fn default() -> State {
        State { count: 0, by: 1, hotrun_transient_by: [] }
    }
}

impl Module for State {
    fn step(&mut self, host: &Host, now: &Step) -> Result<Flow, String> {
        self.count += self.by;
        if now.index % 60 == 0 {
            host.log(hotrun::LOG_INFO, &format!("count {}", self.count));
        }
        Ok(Flow::GoOn)
    }
}

hotrun_module!(State, "@name@");
