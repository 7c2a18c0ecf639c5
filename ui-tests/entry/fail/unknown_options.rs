#[may::main(worker = 4)]
fn near() {}

#[may::main(colour = "red")]
fn far() {}

#[may::main(worker_threads = 4, flavor = "current_thread", threads = 4, stack_size = 65536)]
fn from_elsewhere() {}

#[may::main(4, "64k")]
fn not_an_option() {}

#[may::test(crat = may)]
fn in_a_test() {}

fn main() {}
