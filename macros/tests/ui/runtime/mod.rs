// What the programs beside this folder take for the runtime.

#[path = "../../stand_in/mod.rs"]
mod stand_in;

pub use stand_in::*;
