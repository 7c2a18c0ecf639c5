#[may::coroutine(name = "conn-{idd}")]
fn misspelt(id: u8) {
    let _ = id;
}

#[may::coroutine(name = "{first}-{peer}")]
fn not_a_parameter((first, second): (u8, u8), peer: u8) {
    let _ = (first, second, peer);
}

#[may::coroutine(name = "{x}")]
fn no_parameters() {}

#[may::coroutine(name = "{}")]
fn nameless(id: u8) {
    let _ = id;
}

#[may::coroutine(name = "{id")]
fn not_closed(id: u8) {
    let _ = id;
}

#[may::coroutine(name = "id}")]
fn not_opened(id: u8) {
    let _ = id;
}

#[may::coroutine(name = "{a}-{b}")]
fn both_at_once(c: u8) {
    let _ = c;
}

fn main() {}
