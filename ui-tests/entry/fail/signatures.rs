#[may::main]
async fn waits() {}

#[may::main]
fn with_parameters(first: u8, second: u8) {
    let _ = first + second;
}

#[may::main]
fn generic<T>()
where
    T: Send,
{
}

#[may::main]
const unsafe extern "C" fn qualified() {}

struct Structure;

impl Structure {
    #[may::main]
    fn method(&self) {}
}

#[may::main(workers = 0)]
async fn all_at_once(_parameter: u8) {}

#[may::main]
async fn main() {}
