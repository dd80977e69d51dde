//! @name@: a counter. Change it while it runs: the count goes on.

#[macro_use]
pub mod hotrun;
mod json;

use hotrun::{Flow, Host, Module, Step};

struct State {
    count: i64,
    by: i64,
}

impl Default for State {
    fn default() -> State {
        State { count: 0, by: 1 }
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

    // The state goes to the next code as JSON: a new field needs a line here, and one below.
    fn serialize(&self) -> String {
        format!("{{\"count\": {}, \"by\": {}}}", self.count, self.by)
    }

    fn deserialize(&mut self, json: &str) -> Result<(), String> {
        json::read(json, "count", &mut self.count);
        json::read(json, "by", &mut self.by);
        Ok(())
    }
}

hotrun_module!(State, "@name@");
