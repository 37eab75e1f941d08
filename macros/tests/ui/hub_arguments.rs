use actix_signalr_macros::*;

struct A;
struct B;
struct C;
struct D;

#[hub("actix_signalr_actors")]
impl A {}

#[hub(crate = actix_signalr_actors)]
impl B {}

#[hub(crate = "actix signalr")]
impl C {}

#[hub(path = "actix_signalr_actors")]
#[authorize]
impl D {}

fn main() {}
