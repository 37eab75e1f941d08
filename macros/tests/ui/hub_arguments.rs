mod runtime;

use runtime::*;

struct A;
struct B;
struct C;
struct D;

#[hub("crate::runtime")]
impl A {}

#[hub(crate = crate::runtime)]
impl B {}

#[hub(crate = "crate runtime")]
impl C {}

#[hub(path = "crate::runtime")]
#[authorize]
impl D {}

fn main() {}
