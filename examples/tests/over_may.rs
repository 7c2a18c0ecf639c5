//! The programs written for threads, with the imports that they have: over coroutines.

mod programs;
