#[may::test]
#[test]
fn plain() {}

#[may::test]
#[::core::prelude::v1::test]
fn with_a_path() {}

#[may::test]
#[may::test]
fn twice() {}

#[may::test]
#[tokio::test(flavor = "current_thread")]
fn foreign() {}

#[may::main]
#[tokio::main]
fn main() {}
