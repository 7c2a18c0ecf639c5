#[may::coroutine]
async fn waits() {}

#[may::coroutine]
const unsafe fn qualified() {}

#[may::coroutine]
extern "C" fn foreign() {}

#[may::coroutine(stak = "64k")]
async unsafe fn all_at_once() {}

// What calls them is not told that they are not there.
fn main() {
    waits().call();
    qualified().call();
    foreign().call();
    all_at_once().call();
}
