//! `docs/PERMISSIONS.md` is the permission table of the code. `UPDATE=1 cargo test -p domain` writes it.

use std::{fmt::Write, path::Path};

use domain::roles::{Grant, Permission, Row, TABLE};

fn word(row: &Row, grant: Grant) -> &'static str {
    match grant {
        Grant::Yes => "yes",
        Grant::Lower => "lower only",
        Grant::Own if row.permission == Permission::MembersManage => "leave only",
        Grant::Own => "own",
        Grant::No => "–",
    }
}

fn document() -> String {
    let mut text = String::from(
        "# Who may do what\n\nMade from `domain/src/roles.rs` (SPEC P). An org_admin has these rights in the own organization, team\n\
         admins and members in their own team. An auditor sees everything in scope and changes nothing.\n\n\
         | | super_admin | org_admin | team admin | team member | signed in, no role here | auditor |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in &TABLE {
        let grants = [
            row.super_admin,
            row.org_admin,
            row.team_admin,
            row.team_member,
            row.nobody,
            row.auditor,
        ];
        let cells: Vec<&str> = grants.iter().map(|grant| word(row, *grant)).collect();
        // Writing to a String does not fail.
        let _ = writeln!(text, "| {} | {} |", row.label, cells.join(" | "));
    }
    text.push_str(
        "\nA super_admin or org_admin provisions a runner for a team as one of its members only. An inactive team gives its members\n\
         nothing but its name and status; an archived one is hidden from them.\n",
    );
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the test")]
fn p_the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PERMISSIONS.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        document(),
        "run UPDATE=1 cargo test -p domain"
    );
}
