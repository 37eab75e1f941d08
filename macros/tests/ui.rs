//! Programs that must not compile, and what they must be told.

#[test]
fn every_misuse_is_answered_at_the_guilty_place() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
