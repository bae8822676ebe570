//! The browser half: wakes the islands of `app` in a page that the server rendered.
//!
//! Empty anywhere but in the browser, so that building the whole workspace does not turn on `hydrate` beside `ssr`.
#![cfg(target_arch = "wasm32")]

// Islands register themselves when their crate is linked, and nothing else here names it.
extern crate app;

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's loader script once the module is there.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
