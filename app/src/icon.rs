//! Icons, inline, from the one file that holds them.

use std::{collections::HashMap, sync::LazyLock};

use leptos::prelude::*;

static ICONS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("../../style/assets/icons.svg")
        .split("<symbol ")
        .skip(1)
        .filter_map(|symbol| {
            let id = symbol.split("id=\"").nth(1)?.split('"').next()?;
            let body = symbol.split_once('>')?.1.split("</symbol>").next()?;
            Some((id, body))
        })
        .collect()
});

/// An icon by name; it is decoration, so screen readers pass over it.
pub fn icon(name: &str) -> AnyView {
    let body = ICONS.get(name).copied().unwrap_or_default();
    view! { <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" inner_html=body></svg> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_icons_that_pages_use() {
        for name in [
            "plus", "teams", "user", "folder", "runner", "search", "more", "copy", "key", "warning",
        ] {
            assert!(ICONS.get(name).is_some_and(|body| body.contains('<')), "{name}");
        }
    }
}
