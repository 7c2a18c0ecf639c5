//! What only some operating systems have, under the paths that std has it under.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod linux {
    //! What only Linux has.

    pub mod net {
        //! Sockets as only Linux has them.

        #[cfg(target_os = "android")]
        pub use std::os::android::net::SocketAddrExt;
        #[cfg(target_os = "linux")]
        pub use std::os::linux::net::SocketAddrExt;
    }
}

#[cfg(unix)]
pub mod unix;
