//! What must not compile, and the messages that say why: see `tests/ui.rs`.
//!
//! The expansion of `select!` does not depend on the edition of its user:
//!
//! ```edition2021
//! #![forbid(unsafe_code)]
//! #![deny(warnings)]
//!
//! use std::sync::Mutex;
//!
//! let (tx, rx) = may::channel::bounded(1);
//! let rx = Mutex::new(rx);
//! for _ in 0..2 {
//!     let len = may::select! {
//!         biased;
//!         Ok(1 | 2) = recv(*rx.lock().unwrap()) else { panic!() } if tx.is_full() => rx.lock().unwrap().len(),
//!         Ok(()) = send(tx, 1) else { panic!() } => 1,
//!     };
//!     assert_eq!(len, rx.lock().unwrap().len());
//! }
//! ```
//!
//! ```edition2018
//! let (tx, rx) = may::channel::bounded(1);
//! may::select! { Ok(()) = tx.send(1) else { panic!() } => {} }
//! may::select!(match recv(rx) { message => assert_eq!(message, Ok(1)) });
//! ```
