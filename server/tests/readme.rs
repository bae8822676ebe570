//! README's table of settings is the code's. `UPDATE=1 cargo test -p server --test readme` writes it.

use std::path::Path;

const START: &str = "<!-- made by `guildhall config` -->\n";
const END: &str = "<!-- end -->";

#[test]
#[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the test")]
fn x19_the_readme_lists_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(START).expect("the start mark");
    let (_, after) = rest.split_once(END).expect("the end mark");
    let wanted = format!(
        "{before}{START}{}\n{END}{after}",
        server::config::reference().trim_end()
    );
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == wanted,
        "run UPDATE=1 cargo test -p server --test readme"
    );
}
