#[may::main(on_exit = "cancle")]
fn misspelt_choice() {}

#[may::main(on_exit = "stop")]
fn unknown_choice() {}

#[may::main(on_exit = join)]
fn choice_without_quotes() {}

#[may::main(pin = "true", name = 4)]
fn wrong_kinds() {}

#[may::main(name = "")]
fn empty_name() {}

#[may::main(blocking = 0)]
fn too_few() {}

#[may::main(blocking = "cores")]
fn not_a_word_here() {}

#[may::test(timeout = 5)]
fn not_a_duration() {}

#[may::test(timeout = "5sec", leak = true)]
fn not_a_unit() {}

#[may::test(timeout = "0s", leak = "alow")]
fn no_time() {}

#[may::main(timeout = "5s")]
fn only_for_tests() {}

fn main() {}
