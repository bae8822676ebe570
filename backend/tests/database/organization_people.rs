//! Who belongs to an organization, and whose email domains those are: D3 to D5, X10, X12.

use backend::{
    Error, Result,
    organizations::{
        OrganizationKey, domains,
        people::{self, PeopleQuery},
    },
    {Settings, members},
};
use domain::{
    Email, EmailDomain, OrgRole, OrganizationId, TeamId, TeamRole, TeamStatus, UserId, UserRef, VerifiedHow,
    views::{DepartureEffects, OrganizationDomain, OrganizationPerson},
};
use simulators::dns::{DnsFault, DnsSimulator};
use uuid::Uuid;

use crate::common::{World, refusal, refused, request};

struct Acme {
    world: World,
    id: OrganizationId,
    root: UserId,
    olga: UserId,
}

impl Acme {
    async fn new() -> Self {
        Self::over(World::new().await).await
    }

    async fn over(world: World) -> Self {
        let id = world.organization("acme").await;
        let (root, olga) = (world.super_admin().await, world.user("olga").await);
        world.give(id, olga, OrgRole::OrgAdmin).await;
        Self { world, id, root, olga }
    }

    fn key(&self) -> OrganizationKey {
        self.id.into()
    }

    async fn add(&self, by: UserId, who: UserId, role: OrgRole, guest: bool) -> Result<OrganizationPerson> {
        let (key, who) = (self.key(), UserRef::Id(who));
        self.world
            .act(by, async |ctx| people::add(ctx, &key, &who, role, guest).await)
            .await
    }

    async fn remove(&self, by: UserId, who: UserId) -> Result<DepartureEffects> {
        let (key, who) = (self.key(), UserRef::Id(who));
        self.world
            .act(by, async |ctx| people::remove(ctx, &key, &who).await)
            .await
    }

    async fn preview(&self, by: UserId, who: UserId) -> Result<DepartureEffects> {
        let (key, who) = (self.key(), UserRef::Id(who));
        self.world
            .ask(by, async |ctx| people::preview_removal(ctx, &key, &who).await)
            .await
    }

    async fn set_role(&self, by: UserId, who: UserId, role: OrgRole) -> Result<OrganizationPerson> {
        let (key, who) = (self.key(), UserRef::Id(who));
        self.world
            .act(by, async |ctx| people::change_role(ctx, &key, &who, role).await)
            .await
    }

    async fn verified(&self, name: &str) {
        let (key, domain) = (self.key(), domain(name));
        self.world
            .act(self.root, async |ctx| {
                domains::add(ctx, &key, &domain).await?;
                domains::verify_by_word(ctx, &key, &domain).await
            })
            .await
            .expect("a verified domain");
    }

    async fn verify_by_dns(&self, by: UserId, name: &str) -> Result<OrganizationDomain> {
        let caller = self.world.caller(by).await;
        domains::verify_by_dns(&self.world.backend, caller, request(), &self.key(), &domain(name)).await
    }

    async fn add_domain(&self, by: UserId, name: &str) -> Result<OrganizationDomain> {
        let (key, domain) = (self.key(), domain(name));
        self.world
            .act(by, async |ctx| domains::add(ctx, &key, &domain).await)
            .await
    }

    async fn belongs(&self, who: UserId) -> bool {
        let (id, sql) = (self.id, "SELECT count(*) FROM organization_members");
        let count: i64 = self
            .world
            .one(&format!("{sql} WHERE organization_id = '{id}' AND user_id = '{who}'"))
            .await;
        count == 1
    }

    async fn person_at(&self, email: &str) -> UserId {
        let id = Uuid::now_v7();
        self.world
            .sql(&format!("INSERT INTO users (id, email) VALUES ('{id}', '{email}')"))
            .await;
        UserId(id)
    }

    /// A working key of someone in a team.
    async fn api_key(&self, team: TeamId, owner: UserId) -> Uuid {
        let id = Uuid::now_v7();
        self.world
            .sql(&format!(
                "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash)
                VALUES ('{id}', '{team}', '{owner}', 'k-{id}', 'sk-', decode('{}', 'hex'))",
                id.simple()
            ))
            .await;
        id
    }
}

fn domain(name: &str) -> EmailDomain {
    EmailDomain::parse(name).unwrap()
}

/// D3, X10: inside by domain, outside refused with the literal, in as a guest; a matching domain is never a guest.
#[tokio::test]
async fn x10_foreigners_come_in_as_guests_only() {
    let acme = Acme::new().await;
    acme.verified("acme.example").await;
    acme.verified("acme.test").await;
    let (inside, outside) = (
        acme.person_at("max@acme.example").await,
        acme.person_at("pat@partner.example").await,
    );
    // A subdomain is another domain, and so is one that merely ends the same.
    let sub = acme.person_at("eve@sub.acme.example").await;
    let evil = acme.person_at("eve@evil-acme.example").await;
    for (who, email) in [
        (outside, "pat@partner.example"),
        (sub, "eve@sub.acme.example"),
        (evil, "eve@evil-acme.example"),
    ] {
        refused(
            acme.add(acme.olga, who, OrgRole::OrgMember, false).await,
            "FOREIGN_EMAIL_DOMAIN",
            &format!("User {email} is not in this organization's email domains (acme.example, acme.test)"),
        );
        assert!(!acme.belongs(who).await);
    }
    let guest = acme.add(acme.olga, outside, OrgRole::OrgMember, true).await.unwrap();
    assert!(guest.guest);
    let own = acme.add(acme.olga, inside, OrgRole::OrgMember, true).await.unwrap();
    assert!(!own.guest, "who is from inside is no guest");
    let team = acme.world.team_in(acme.id, "Ops").await;
    let add_to_team = async |who| {
        acme.world
            .act(acme.olga, async |ctx| {
                members::add(ctx, team, &UserRef::Id(who), TeamRole::Member).await
            })
            .await
    };
    add_to_team(outside).await.expect("a guest is in the organization");
    refused(
        add_to_team(sub).await,
        "FOREIGN_EMAIL_DOMAIN",
        "User eve@sub.acme.example is not in",
    );
    let newcomer = acme.person_at("new@acme.test").await;
    add_to_team(newcomer).await.expect("the domain counts as being in");
    assert!(acme.belongs(newcomer).await);
    let by: String = acme
        .world
        .one(&format!(
            "SELECT a.email FROM organization_members m JOIN users a ON a.id = m.added_by WHERE m.user_id = '{newcomer}'"
        ))
        .await;
    assert_eq!(by, "olga@example.com");
    let audited: i64 = acme
        .world
        .one(&format!(
            "SELECT count(*) FROM audit_entries WHERE action = 'organization.member_add' AND target_id = '{newcomer}'"
        ))
        .await;
    assert_eq!(audited, 1);
}

/// X10: an unverified domain decides nothing; without domains anyone is taken; guests whose domain is verified later
/// are guests no more.
#[tokio::test]
async fn x10_only_verified_domains_count() {
    let acme = Acme::new().await;
    acme.add_domain(acme.olga, "acme.example").await.unwrap();
    let pat = acme.person_at("pat@partner.example").await;
    let eve = acme.person_at("eve@else.example").await;
    let added = acme.add(acme.olga, pat, OrgRole::OrgMember, true).await.unwrap();
    assert!(added.guest, "said to be one");
    acme.add(acme.olga, eve, OrgRole::OrgMember, false)
        .await
        .expect("anyone");
    acme.verified("partner.example").await;
    let guests: i64 = acme
        .world
        .one("SELECT count(*) FROM organization_members WHERE is_guest")
        .await;
    assert_eq!(guests, 0);
    let other = acme.person_at("other@else.example").await;
    refused(
        acme.add(acme.olga, other, OrgRole::OrgMember, false).await,
        "FOREIGN_EMAIL_DOMAIN",
        "User other@else.example is not in this organization's email domains (partner.example)",
    );
    assert!(acme.belongs(eve).await, "who is in stays in");
}

/// X10: a TXT record with this organization's token proves the domain; nothing else does.
#[tokio::test]
async fn x10_a_txt_record_proves_a_domain() {
    let dns = DnsSimulator::start().await.expect("a free port");
    let settings = Settings {
        dns_resolver: Some(dns.addr()),
        ..Settings::default()
    };
    let acme = Acme::over(World::with(settings).await).await;
    let added = acme.add_domain(acme.olga, "acme.example").await.unwrap();
    let record = added.record.unwrap();
    refused(
        acme.verify_by_dns(acme.olga, "acme.example").await,
        "DOMAIN_NOT_PROVEN",
        &format!("No TXT record '{record}' at acme.example. It has no TXT records."),
    );
    // Another organization's token, and text around the right one.
    let other = acme.world.organization("other").await;
    let foreign = acme
        .world
        .act(acme.root, async |ctx| {
            domains::add(ctx, &other.into(), &domain("acme.example")).await
        })
        .await
        .unwrap()
        .record
        .unwrap();
    assert_ne!(foreign, record);
    dns.publish(
        "acme.example",
        &[&foreign, &format!("x {record}"), &record[..record.len() - 1]],
    );
    refused(
        acme.verify_by_dns(acme.olga, "acme.example").await,
        "DOMAIN_NOT_PROVEN",
        &format!("No TXT record '{record}' at acme.example. It has 3 other TXT records."),
    );
    dns.publish("acme.example", &["v=spf1 -all", &record]);
    let verified = acme.verify_by_dns(acme.olga, "acme.example").await.unwrap();
    assert_eq!(verified.verified.unwrap().1, VerifiedHow::Dns);
    assert_eq!(verified.verified_by.as_deref(), Some("olga@example.com"));
    let questions = dns.questions();
    acme.verify_by_dns(acme.olga, "acme.example")
        .await
        .expect("it is already");
    assert_eq!(dns.questions(), questions, "and nobody is asked again");
    let change: String = acme
        .world
        .one("SELECT after->>'verified' FROM audit_entries WHERE action = 'organization.domain_verify'")
        .await;
    assert_eq!(change, "dns");

    acme.add_domain(acme.olga, "more.example").await.unwrap();
    dns.set_fault(DnsFault::ServerFailure);
    refused(
        acme.verify_by_dns(acme.olga, "more.example").await,
        "DNS_UNAVAILABLE",
        "the DNS does not answer for more.example",
    );
    let member = acme.world.user("member").await;
    acme.world.give(acme.id, member, OrgRole::OrgMember).await;
    refused(
        acme.verify_by_dns(member, "more.example").await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    refused(
        acme.verify_by_dns(acme.olga, "missing.example").await,
        "NOT_FOUND",
        "Domain not found: missing.example",
    );
}

/// X10: an org_admin may not verify by word, nor give up a verified domain, by whatever way.
#[tokio::test]
async fn x10_an_org_admin_gives_no_word() {
    let acme = Acme::new().await;
    acme.verified("acme.example").await;
    acme.add_domain(acme.olga, "open.example").await.unwrap();
    let (key, olga) = (acme.key(), acme.olga);
    let by_word = acme
        .world
        .act(olga, async |ctx| {
            domains::verify_by_word(ctx, &key, &domain("open.example")).await
        })
        .await;
    refused(
        by_word,
        "FORBIDDEN",
        "Insufficient permissions. To verify a domain by word",
    );
    let removed = acme
        .world
        .act(olga, async |ctx| {
            domains::remove(ctx, &key, &domain("acme.example")).await
        })
        .await;
    refused(
        removed,
        "FORBIDDEN",
        "Insufficient permissions. To give up a verified domain",
    );
    let set = async |by, list: &[&str]| {
        let input = backend::organizations::OrganizationPatchInput {
            domains: Some(list.iter().map(ToString::to_string).collect()),
            ..Default::default()
        };
        let patch = input.parse().map_err(Error::Invalid)?;
        acme.world
            .act(by, async |ctx| backend::organizations::update(ctx, &key, patch).await)
            .await
    };
    refused(
        set(olga, &["open.example"]).await,
        "FORBIDDEN",
        "Insufficient permissions. To give up a verified domain",
    );
    let page = set(olga, &["acme.example", "new.example"]).await.unwrap();
    let verified = |page: &domain::views::OrganizationPage| -> Vec<(String, bool)> {
        let domains = page.domains.iter();
        domains
            .map(|known| (known.domain.clone(), known.verified.is_some()))
            .collect()
    };
    let expected = [("acme.example".to_owned(), true), ("new.example".to_owned(), false)];
    assert_eq!(verified(&page), expected, "what an org_admin adds has to be verified");
    let page = set(acme.root, &["new.example"]).await.unwrap();
    assert_eq!(
        verified(&page),
        [("new.example".to_owned(), true)],
        "a super_admin's list counts"
    );
}

/// D4, X12: whoever leaves the organization leaves its teams, with project roles and keys there; runners stay, and what
/// they have elsewhere. The preview says what happens.
#[tokio::test]
async fn d4_leaving_an_organization_leaves_its_teams() {
    let acme = Acme::new().await;
    let world = &acme.world;
    let max = world.user("max").await;
    world.give(acme.id, max, OrgRole::OrgMember).await;
    let (one, two) = (world.team_in(acme.id, "One").await, world.team_in(acme.id, "Two").await);
    let elsewhere = world.team("Elsewhere").await;
    for team in [one, two, elsewhere] {
        world.join(team, max, TeamRole::Member).await;
        let project = world.project(team, "Project").await;
        world.assign(project, max).await;
        acme.api_key(team, max).await;
    }
    let archived = world.team_in(acme.id, "Archived").await;
    world.join(archived, max, TeamRole::Admin).await;
    world.set_status(archived, TeamStatus::Archived).await;
    acme.api_key(one, acme.olga).await;
    world.runner(Some(one), max, "active").await;
    world.runner(Some(one), max, "deleted").await;
    world.runner(Some(elsewhere), max, "active").await;
    let preview = acme.preview(acme.olga, max).await.unwrap();
    let expected = DepartureEffects {
        email: "max@example.com".to_owned(),
        teams: 3,
        project_roles: 2,
        keys: 2,
        runners: 1,
        last_admin_of: Vec::new(),
    };
    assert_eq!(preview, expected);
    assert_eq!(acme.remove(acme.olga, max).await.unwrap(), expected);
    assert!(!acme.belongs(max).await);
    let count = async |sql: &str| world.one::<i64>(&format!("SELECT count(*) FROM {sql} = '{max}'")).await;
    assert_eq!(count("team_members WHERE user_id").await, 1, "elsewhere");
    assert_eq!(count("project_members WHERE user_id").await, 1);
    assert_eq!(count("api_keys WHERE revoked_at IS NULL AND owner_id").await, 1);
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL")
            .await,
        2,
        "nobody else's"
    );
    assert_eq!(count("runners WHERE status <> 'deleted' AND provisioned_by").await, 2);
    let actions: Vec<String> = world
        .all("SELECT action || coalesce(' ' || (before->>'keys'), '') FROM audit_entries ORDER BY action, before->>'keys'")
        .await;
    assert_eq!(
        actions,
        [
            "member.remove 0",
            "member.remove 1",
            "member.remove 1",
            "organization.member_remove 2"
        ]
    );
    refused(
        acme.remove(acme.olga, max).await,
        "NOT_FOUND",
        "User is not a member of this organization",
    );
}

/// D5: nobody takes out a team's last admin this way, and the teams are named; once there is another, it works.
#[tokio::test]
async fn d5_the_last_admin_of_a_team_stays_in_the_organization() {
    let acme = Acme::new().await;
    let world = &acme.world;
    let tess = world.user("tess").await;
    world.give(acme.id, tess, OrgRole::OrgMember).await;
    let (one, two) = (world.team_in(acme.id, "One").await, world.team_in(acme.id, "Two").await);
    let three = world.team_in(acme.id, "Three").await;
    for team in [one, two, three] {
        world.join(team, tess, TeamRole::Admin).await;
    }
    world.member(three, "second", TeamRole::Admin).await;
    for by in [acme.root, acme.olga] {
        let (code, words) = refusal(acme.remove(by, tess).await);
        assert_eq!(code, "LAST_TEAM_ADMIN");
        assert_eq!(
            words,
            "Cannot remove last team admin. First promote another member to team_admin in: One, Two."
        );
    }
    assert_eq!(
        acme.preview(acme.olga, tess).await.unwrap().last_admin_of,
        ["One", "Two"]
    );
    assert!(acme.belongs(tess).await);
    let ghost = world.member(one, "ghost", TeamRole::Admin).await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{ghost}'"))
        .await;
    let over = world.member(two, "over", TeamRole::Admin).await;
    world
        .sql(&format!(
            "UPDATE team_members SET admin_until = now() - interval '1 minute' WHERE user_id = '{over}'"
        ))
        .await;
    refused(
        acme.remove(acme.olga, tess).await,
        "LAST_TEAM_ADMIN",
        "Cannot remove last team admin. First promote another member to team_admin in: One, Two.",
    );
    world
        .sql(&format!("UPDATE users SET deactivated_at = NULL WHERE id = '{ghost}'"))
        .await;
    world
        .sql(&format!(
            "UPDATE team_members SET admin_until = NULL WHERE user_id = '{over}'"
        ))
        .await;
    acme.remove(acme.olga, tess).await.expect("all have another admin");
}

/// An organization's last admin goes by a super_admin's hand only.
#[tokio::test]
async fn the_last_org_admin_stays_unless_a_super_admin_says_otherwise() {
    let acme = Acme::new().await;
    let last = "Cannot remove last organization admin";
    let ghost = acme.world.user("ghost").await;
    acme.world.give(acme.id, ghost, OrgRole::OrgAdmin).await;
    acme.world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{ghost}'"))
        .await;
    refused(acme.remove(acme.olga, acme.olga).await, "LAST_ORGANIZATION_ADMIN", last);
    refused(
        acme.set_role(acme.olga, acme.olga, OrgRole::Auditor).await,
        "LAST_ORGANIZATION_ADMIN",
        last,
    );
    refused(
        acme.preview(acme.olga, acme.olga).await,
        "LAST_ORGANIZATION_ADMIN",
        last,
    );
    acme.set_role(acme.root, acme.olga, OrgRole::OrgMember)
        .await
        .expect("a super_admin may");
    acme.set_role(acme.root, acme.olga, OrgRole::OrgAdmin).await.unwrap();
    acme.remove(acme.root, acme.olga).await.expect("a super_admin may");
}

/// The same as a race: two org_admins demote or remove each other, or themselves; one stays, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_org_admin_stays_when_two_go_at_once() {
    let acme = Acme::new().await;
    let (a, b) = (acme.olga, acme.world.user("b").await);
    for round in 0..30 {
        acme.world.sql("DELETE FROM organization_members").await;
        acme.world.give(acme.id, a, OrgRole::OrgAdmin).await;
        acme.world.give(acme.id, b, OrgRole::OrgAdmin).await;
        let (first, second) = match round % 3 {
            0 => {
                let (x, y) = tokio::join!(acme.remove(a, b), acme.remove(b, a));
                (x.map(drop), y.map(drop))
            }
            1 => {
                let (x, y) = tokio::join!(acme.remove(a, a), acme.set_role(b, b, OrgRole::OrgMember));
                (x.map(drop), y.map(drop))
            }
            _ => {
                let (x, y) = tokio::join!(
                    acme.set_role(a, a, OrgRole::OrgMember),
                    acme.set_role(b, b, OrgRole::OrgMember)
                );
                (x.map(drop), y.map(drop))
            }
        };
        let admins: i64 = acme
            .world
            .one("SELECT count(*) FROM organization_members WHERE role = 'org_admin'")
            .await;
        assert_eq!(admins, 1, "round {round}: {first:?} {second:?}");
    }
}

/// As a race: someone is taken out of the organization while being added to one of its teams. Never are they in the
/// team and not in the organization.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_in_a_team_and_not_in_its_organization() {
    let acme = Acme::new().await;
    acme.verified("acme.example").await;
    let pat = acme.person_at("pat@partner.example").await;
    let team = acme.world.team_in(acme.id, "Ops").await;
    let tess = acme.world.member(team, "tess", TeamRole::Admin).await;
    acme.world.give(acme.id, tess, OrgRole::OrgMember).await;
    let (mut out, mut stayed) = (0, 0);
    for _ in 0..40 {
        let _ = acme.remove(acme.root, pat).await;
        acme.add(acme.olga, pat, OrgRole::OrgMember, true)
            .await
            .expect("a guest");
        let adding = acme.world.act(tess, async |ctx| {
            members::add(ctx, team, &UserRef::Id(pat), TeamRole::Member).await
        });
        let (removed, added) = tokio::join!(acme.remove(acme.olga, pat), adding);
        removed.expect("nothing is in the way of it");
        match added {
            Ok(_) => stayed += 1,
            Err(error) => {
                assert_eq!(error.code().as_str(), "FOREIGN_EMAIL_DOMAIN", "{error}");
                out += 1;
            }
        }
        let in_team: i64 = acme
            .world
            .one(&format!("SELECT count(*) FROM team_members WHERE user_id = '{pat}'"))
            .await;
        assert_eq!((in_team, acme.belongs(pat).await), (0, false));
    }
    assert_eq!(out + stayed, 40);
}

/// P: only those who manage the directory of this organization add, change and remove; unknown people are 404.
#[tokio::test]
async fn p_people_are_managed_by_org_admins_and_super_admins() {
    let acme = Acme::new().await;
    let world = &acme.world;
    let other = world.organization("other").await;
    let (stranger, member, auditor) = (
        world.user("stranger").await,
        world.user("member").await,
        world.user("auditor").await,
    );
    world.give(other, stranger, OrgRole::OrgAdmin).await;
    world.give(acme.id, member, OrgRole::OrgMember).await;
    world.give(acme.id, auditor, OrgRole::Auditor).await;
    let newcomer = world.user("newcomer").await;
    for by in [stranger, member, auditor] {
        refused(
            acme.add(by, newcomer, OrgRole::OrgMember, false).await,
            "FORBIDDEN",
            "Insufficient permissions",
        );
        refused(
            acme.set_role(by, member, OrgRole::OrgAdmin).await,
            "FORBIDDEN",
            "Insufficient permissions",
        );
        refused(acme.remove(by, member).await, "FORBIDDEN", "Insufficient permissions");
    }
    let key = acme.key();
    let unknown = UserRef::Email(Email::parse("nobody@example.com").unwrap());
    let added = world
        .act(acme.olga, async |ctx| {
            people::add(ctx, &key, &unknown, OrgRole::OrgMember, false).await
        })
        .await;
    refused(added, "NOT_FOUND", "User not found: nobody@example.com");
    acme.set_role(acme.olga, member, OrgRole::OrgAdmin)
        .await
        .expect("an org_admin makes another");
    acme.remove(member, acme.olga).await.expect("who may remove the first");
    let principal = backend::Principal::load(&world.pool, member).await.unwrap();
    assert_eq!(principal.organization_role(acme.id), Some(OrgRole::OrgAdmin));
}

/// The list: by the time they joined, paged both ways, filtered, with true totals.
#[tokio::test]
async fn people_are_listed_in_pages() {
    let acme = Acme::new().await;
    for index in 0..9 {
        let id = acme.person_at(&format!("p{index}@acme.example")).await;
        let role = if index % 3 == 0 {
            OrgRole::Auditor
        } else {
            OrgRole::OrgMember
        };
        acme.add(acme.olga, id, role, index == 8).await.unwrap();
    }
    acme.world
        .sql("UPDATE users SET display_name = 'Zoë 100%' WHERE email = 'p4@acme.example'")
        .await;
    let key = acme.key();
    let list = async |query: PeopleQuery| {
        acme.world
            .ask(acme.olga, async |ctx| people::list(ctx, &key, &query).await)
            .await
            .unwrap()
    };
    let of = |limit, cursor| PeopleQuery {
        limit,
        cursor,
        ..PeopleQuery::default()
    };
    let first = list(of(4, None)).await;
    let emails = |page: &domain::views::Page<OrganizationPerson>| -> Vec<String> {
        page.items.iter().map(|person| person.email.clone()).collect()
    };
    assert_eq!(first.total, 10);
    assert_eq!(emails(&first)[0], "olga@example.com");
    let second = list(of(4, first.next.clone())).await;
    let third = list(of(4, second.next.clone())).await;
    assert_eq!((emails(&third).len(), third.next.is_none()), (2, true));
    assert_eq!(emails(&list(of(4, third.previous.clone())).await), emails(&second));
    let filtered = |search: &str, role, guest| PeopleQuery {
        search: Some(search.to_owned()),
        role,
        guest,
        ..PeopleQuery::default()
    };
    assert_eq!(list(filtered("", Some(OrgRole::Auditor), None)).await.total, 3);
    assert_eq!(list(filtered("", None, Some(true))).await.total, 1);
    assert_eq!(
        emails(&list(filtered("zoë 100%", None, None)).await),
        ["p4@acme.example"]
    );
    assert_eq!(
        list(filtered("p_@", None, None)).await.total,
        0,
        "wildcards are letters"
    );
    let member = acme.world.user("member").await;
    acme.world.give(acme.id, member, OrgRole::OrgMember).await;
    let query = PeopleQuery::default();
    let seen = acme
        .world
        .ask(member, async |ctx| people::list(ctx, &key, &query).await)
        .await;
    refused(seen, "FORBIDDEN", "Insufficient permissions");
}

/// A membership that has ended is none, also before it is tidied away: in the list, and in what leaving would end.
#[tokio::test]
async fn memberships_that_have_ended_are_none() {
    let acme = Acme::new().await;
    let pat = acme.world.user("pat").await;
    acme.world.give(acme.id, pat, OrgRole::OrgMember).await;
    for name in ["Ops", "Web"] {
        let team = acme.world.team_in(acme.id, name).await;
        acme.world.join(team, pat, TeamRole::Member).await;
    }
    acme.world
        .sql(
            "UPDATE team_members SET expires_at = now() - interval '1 second'
            WHERE team_id = (SELECT id FROM teams WHERE name = 'Ops')",
        )
        .await;
    let (key, query) = (acme.key(), PeopleQuery::default());
    let list = acme
        .world
        .ask(acme.olga, async |ctx| people::list(ctx, &key, &query).await)
        .await
        .unwrap();
    let listed = list.items.iter().find(|person| person.user_id == pat).unwrap();
    assert_eq!(listed.team_count, 1);
    assert_eq!(acme.preview(acme.olga, pat).await.unwrap().teams, 1);
    assert_eq!(acme.remove(acme.olga, pat).await.unwrap().teams, 1);
    let left: i64 = acme.world.one("SELECT count(*) FROM team_members").await;
    assert_eq!(left, 0, "it is tidied away with the others");
}
