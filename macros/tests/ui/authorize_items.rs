use actix_signalr_macros::*;

#[authorize]
struct Chat;

#[authorize("Admin")]
fn handler() {}

#[authorize(roles = "Admin")]
trait Rooms {}

#[allow_anonymous]
mod pages {}

#[allow_anonymous]
enum Kind {
    One,
}

fn main() {}
