//! Tables of what a type of std or crossbeam-channel has, which are expanded over that type and
//! over ours.
//!
//! A row is one of the macros below. What a row says of the original must be true or the file does
//! not compile, so the tables cannot drift. That no row is missing is for `ci/parity.sh` to say. It
//! reads the rows, so their subjects are written plainly: the name of the type, then the rest.

/// Row: a function of exactly this type. (In brackets: what to put for a parameter of its own that
/// cannot be inferred.)
#[macro_export]
macro_rules! function {
    ($type:ident::$name:ident []: $signature:ty) => {
        let _: $signature = $type::$name;
    };
    ($type:ident::$name:ident [$($generic:ty),+]: $signature:ty) => {
        let _: $signature = $type::$name::<$($generic),+>;
    };
}

/// Row: a value of this type that is there when the program is compiled.
#[macro_export]
macro_rules! constant {
    ($type:ty = $value:expr) => {
        const _: $type = $value;
    };
}

/// Row: a type with these bounds.
#[macro_export]
macro_rules! implements {
    ($type:ty: $($bounds:tt)+) => {{
        fn check<T: $($bounds)+ + ?Sized>() {}
        check::<$type>();
    }};
}

/// Row: a type without this bound.
#[macro_export]
macro_rules! lacks {
    ($type:ty: $bound:path) => {
        const _: () = assert!(
    !$crate::has!($type: $bound),
            concat!(stringify!($type), " must not be ", stringify!($bound))
        );
    };
}

/// Row: a name for something that is the original itself.
#[macro_export]
macro_rules! same {
    ($ours:ty = $original:ty) => {
        let _: fn($ours) -> $original = |same| same;
    };
}

/// Notes of a type with one parameter which auto traits it has, for one parameter after the other:
/// sent and shared, sent, shared, neither; not to be looked at after a panic; not to be moved.
#[macro_export]
macro_rules! auto_traits {
    ($found:ident: for $t:ident: $($type:ty),+ $(,)?) => {
        $({
            type Type<$t> = $type;
            $crate::auto_traits!(@parameters $found: stringify!($type),
                i32, std::cell::Cell<i32>, std::sync::MutexGuard<'static, i32>, std::rc::Rc<i32>, &'static mut i32,
                std::marker::PhantomPinned);
        })+
    };
    (@parameters $found:ident: $name:expr, $($parameter:ty),+) => {
        $($crate::auto_traits!(@row $found:
            concat!($name, " with ", stringify!($parameter)), Type<$parameter>);)+
    };
    (@row $found:ident: $name:expr, $type:ty) => {
        $crate::auto_traits!(@traits $found: $name, $type,
            Send, Sync, std::marker::Unpin, std::panic::UnwindSafe, std::panic::RefUnwindSafe)
    };
    (@traits $found:ident: $name:expr, $type:ty, $($bound:path),+) => {
        $($found.push((concat!($name, ": ", stringify!($bound)), $crate::has!($type: $bound)));)+
    };
    ($found:ident: $($type:ty),+ $(,)?) => {
        $($crate::auto_traits!(@row $found: stringify!($type), $type);)+
    };
}

/// What [`auto_traits!`] found.
pub type AutoTraits = Vec<(&'static str, bool)>;

/// Asserts that a type of ours can be sent and shared exactly when the original can, and is
/// otherwise no less. Types whose rows begin with one of `freer` may be sent and shared although
/// the original may not.
///
/// # Panics
///
/// If not.
pub fn assert_same_auto_traits(original: &AutoTraits, ours: &AutoTraits, freer: &[&str]) {
    let wrong: Vec<_> = original
        .iter()
        .zip(ours)
        .filter(|((row, original), (_, ours))| {
            let exactly = (row.ends_with(": Send") || row.ends_with(": Sync"))
                && !freer.iter().any(|freer| row.starts_with(freer));
            *original != *ours && (exactly || *original)
        })
        .map(|((row, original), _)| format!("the original's is {original}: {row}"))
        .collect();
    assert!(!original.is_empty() && original.len() == ours.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
