//! Where to go after signing in: a page of this host, or the start.

use url::Url;

/// A base that no address resolves to unless it is a path.
const BASE: &str = "http://guildhall.invalid";
/// Longer ones are nobody's bookmark.
const LONGEST: usize = 2000;

/// `next` if a browser that is sent there stays on this host, else `/`.
pub(crate) fn or_start(next: Option<&str>) -> String {
    next.filter(|next| stays_here(next)).unwrap_or("/").to_owned()
}

fn stays_here(next: &str) -> bool {
    if next.len() > LONGEST || !next.starts_with('/') || next.starts_with("//") {
        return false;
    }
    // Browsers read `\` as `/` and drop tabs and line ends; whoever sends those means no good.
    if next
        .chars()
        .any(|letter| letter == '\\' || letter.is_control() || letter.is_whitespace())
    {
        return false;
    }
    let Ok(base) = Url::parse(BASE) else { return false };
    let Ok(url) = base.join(next) else { return false };
    // Dots may fold what looks like a path into `//host`.
    let folded = url.path();
    let inner = ["/auth/", "/login", "/actions/"]
        .iter()
        .any(|path| folded.starts_with(path));
    url.origin() == base.origin() && !folded.starts_with("//") && !inner
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Url, or_start};

    #[test]
    fn pages_of_ours_are_kept() {
        for path in [
            "/",
            "/admin/teams?page=2&q=a%20b",
            "/teams#x",
            "/a/../b",
            "/admin/teams/backend-team/members",
        ] {
            assert_eq!(or_start(Some(path)), path);
        }
    }

    #[test]
    fn everything_else_leads_to_the_start() {
        for path in [
            "",
            "teams",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "/a\r\nSet-Cookie: x",
            "https://evil.example/",
            "javascript:alert(1)",
            "/..//evil.example",
            "/.//evil.example",
            "/%2e//evil.example",
            "/a/..//evil.example",
            "/auth/logout",
            "/login?next=/login",
            "/x/../auth/login/oidc",
            "/actions/delete",
            &format!("/{}", "x".repeat(3000)),
        ] {
            assert_eq!(or_start(Some(path)), "/", "{path:?}");
        }
        assert_eq!(or_start(None), "/");
    }

    proptest! {
        #[test]
        fn no_text_leads_off_this_host(text in "[/\\\\.:@?#%a-z0-9\t\n ]{0,24}", tail in any::<String>()) {
            for next in [format!("/{text}"), text.clone(), format!("/{text}{tail}"), tail] {
                let base = Url::parse("https://guildhall.example/auth/callback/oidc").expect("a URL");
                let target = base.join(&or_start(Some(&next))).expect("it resolves");
                prop_assert_eq!(target.origin(), base.origin());
                prop_assert!(!target.path().starts_with("//"));
            }
        }
    }
}
