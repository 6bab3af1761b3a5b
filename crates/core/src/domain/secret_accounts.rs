//! What opens a whole account by itself, wherever it is: the words or the private key of a wallet, the code that links
//! a device to a messenger, the profile of a SIM, a user with a password.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::secret_shapes::is_random;
use super::secrets::REDACTED;
use super::text::holds_any;

/// The English words of BIP-39 (MIT licence), sorted. No sentence is made of a dozen of them alone: `the`, `a` and `to` are
/// not among them.
static PHRASE_WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../data/bip39_english.txt").lines().collect());
/// Words of the shortest phrase.
const SHORTEST_PHRASE: usize = 12;
/// Most letters between two words of a phrase, as in `\n12. `.
const FARTHEST: usize = 8;

/// A text without any of these.
pub fn redact_accounts(text: &str) -> Cow<'_, str> {
    let mut text = redact_phrases(text);
    for rule in RULES.iter() {
        if let Cow::Owned(redacted) = rule.apply(&text) {
            text = Cow::Owned(redacted);
        }
    }
    text
}

/// Whether a text may match a pattern at all.
type MayMatch = fn(&str) -> bool;

/// Whether what a pattern matched is likely a secret.
type IsSecret = fn(&Captures<'_>) -> bool;

/// A pattern whose group `secret` goes if what it matched is likely one.
struct Rule {
    /// Whether a text may match at all: a pattern costs microseconds, and nearly no text has what it looks for.
    may_match: MayMatch,
    pattern: Regex,
    is_secret: IsSecret,
}

impl Rule {
    fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !(self.may_match)(text) {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        let mut kept = 0;
        for found in self.pattern.captures_iter(text) {
            let Some(secret) = found.name("secret").filter(|secret| secret.as_str() != REDACTED) else { continue };
            if (self.is_secret)(&found) {
                out.push_str(text.get(kept..secret.start()).unwrap_or_default());
                out.push_str(REDACTED);
                kept = secret.end();
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(kept..).unwrap_or_default());
        Cow::Owned(out)
    }
}

const RULE_COUNT: usize = 4;
/// Letters of the shortest private key.
const SHORTEST_KEY: usize = 51;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules: [(MayMatch, &str, IsSecret); RULE_COUNT] = [
        // WhatsApp: three keys in base 64 behind the version.
        (
            |text| text.contains('@'),
            r"(?:^|[^A-Za-z0-9])[1-9]@(?P<secret>[\w+/=%-]{16,}(?:(?:,|%2[Cc])[\w+/=%-]{16,}){2}[\w+/=%,-]*)",
            |_| true,
        ),
        // GSMA SGP.22: version, server, and the activation code.
        (
            |text| text.contains("1$") || text.contains("1%24"),
            r"(?:^|[^A-Za-z0-9])1(?:\$|%24)[A-Za-z0-9.-]+\.[A-Za-z][A-Za-z0-9-]*(?:\$|%24)(?P<secret>[A-Za-z0-9-]{2,}(?:(?:\$|%24)[0-9.]*)*)",
            |_| true,
        ),
        // Bitcoin's wallet import format, of both networks and both forms, and BIP-38's.
        (
            |text| text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word.len() >= SHORTEST_KEY),
            r"\b(?P<secret>[59][1-9A-HJ-NP-Za-km-z]{50}|[KLc][1-9A-HJ-NP-Za-km-z]{51}|6P[1-9A-HJ-NP-Za-km-z]{56})\b",
            |found| found.name("secret").is_some_and(|secret| is_random(secret.as_str())),
        ),
        // A card that says who and with what: `Login: admin / hunter2`.
        (
            names_an_account,
            r"(?im)\b(?:log-?in|user(?:name)?|credentials|creds|zugang|zugangsdaten|anmeldung|benutzer(?:name)?|accès|acceso|accesso|usuario|utilisateur|utente|пользователь|логин|ログイン|登录|로그인)(?:\s*/\s*[\w-]+)?[ \t]*[:：=][ \t]*(?P<user>[^\s/:,;|]+)(?:[ \t]+[/|][ \t]+|[/:])(?P<secret>[^\s/,;|]+)[ \t]*(?:$|[\r,;.])",
            |found| {
                let part = |name| found.name(name).map_or("", |part| part.as_str());
                is_user(part("user")) && !is_way_in(part("secret"))
            },
        ),
    ];
    let rule =
        |(may_match, pattern, is_secret)| Some(Rule { may_match, pattern: Regex::new(pattern).ok()?, is_secret });
    // Each of them compiles: a test counts them.
    rules.into_iter().filter_map(rule).collect()
});

/// Whether a text may hold one of the labels of an account.
fn names_an_account(text: &str) -> bool {
    const LABELS: &[&str] =
        &["log", "user", "cred", "zugang", "anmeldung", "benutzer", "usuario", "util", "utente", "acc"];
    !text.is_ascii() || holds_any(text, LABELS)
}

/// Whether a word behind `Login: Facebook / ` is one more way to log in, and not a password.
fn is_way_in(word: &str) -> bool {
    const WAYS: &[&str] = &[
        "amazon",
        "apple",
        "discord",
        "e-mail",
        "email",
        "facebook",
        "github",
        "google",
        "instagram",
        "line",
        "linkedin",
        "mail",
        "microsoft",
        "naver",
        "paypal",
        "phone",
        "signup",
        "sms",
        "sso",
        "tiktok",
        "twitter",
        "wechat",
        "x",
    ];
    word.chars().next().is_some_and(char::is_uppercase) && WAYS.contains(&word.to_lowercase().as_str())
}

/// A name or a mail address, and neither an hour nor a host.
fn is_user(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && (!word.contains('.') || word.contains('@'))
}

fn redact_phrases(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    for (start, end) in phrases(text) {
        out.push_str(text.get(kept..start).unwrap_or_default());
        out.push_str(REDACTED);
        kept = end;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where phrases begin and end.
fn phrases(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if words(text).take(SHORTEST_PHRASE).count() < SHORTEST_PHRASE {
        return found;
    }
    // Words so far, where the first begins, where the last ends.
    let mut run: Option<(usize, usize, usize)> = None;
    let mut close = |run: Option<(usize, usize, usize)>| {
        found.extend(run.filter(|(count, ..)| *count >= SHORTEST_PHRASE).map(|(_, start, end)| (start, end)));
    };
    for (start, word) in words(text) {
        let end = start + word.len();
        let is_next = |last: usize| text.get(last..start).is_some_and(is_between);
        if !is_phrase_word(word) {
            close(run.take());
            continue;
        }
        run = match run {
            Some((count, first, last)) if is_next(last) => Some((count + 1, first, end)),
            other => {
                close(other);
                Some((1, start, end))
            }
        };
    }
    close(run);
    found
}

/// The stretches of letters, with where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let base = text.as_ptr() as usize;
    let stretches = text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty());
    stretches.map(move |word| (word.as_ptr() as usize - base, word))
}

fn is_phrase_word(word: &str) -> bool {
    (3..=8).contains(&word.len())
        && word.is_ascii()
        && PHRASE_WORDS.binary_search(&word.to_ascii_lowercase().as_str()).is_ok()
}

/// Blanks, the numbers of a list, and what stands for a blank in an address.
fn is_between(text: &str) -> bool {
    (1..=FARTHEST).contains(&text.len())
        && text
            .chars()
            .all(|letter| letter.is_whitespace() || letter.is_ascii_digit() || ".,;:)(_+-%|\"'[]".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::super::secrets::redact;

    const PHRASE: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(super::RULES.len(), super::RULE_COUNT);
    }

    #[test]
    fn what_opens_an_account_is_hidden() {
        let numbered: String = PHRASE.split(' ').zip(1..).map(|(word, number)| format!("{number}. {word}\n")).collect();
        let long = format!("{PHRASE} {PHRASE}");
        for (text, expected) in [
            (PHRASE, "REDACTED"),
            (&PHRASE.to_uppercase(), "REDACTED"),
            (&long, "REDACTED"),
            (&format!("Backup: {PHRASE}, für dich"), "Backup: REDACTED, für dich"),
            (&numbered, "1. REDACTED\n"),
            (&format!("https://x.de/?w={}", PHRASE.replace(' ', "+")), "https://x.de/?w=REDACTED"),
            (&format!("https://x.de/{}", PHRASE.replace(' ', "%20")), "https://x.de/REDACTED"),
            ("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "REDACTED"),
            ("KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617", "REDACTED"),
            ("key: L1uyy5qTuGrVXrmrsvHWHgVzW9kKdrp27wBC7Vs6nZDTF2BRUVwy.", "key: REDACTED."),
            ("6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg", "REDACTED"),
            ("cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA", "REDACTED"),
            ("2@NwbA/4Yq+hBvYEQo/Zo8zgkJ2y==,nG0lXq9fJ1k+oTn0JbZK3dQe8g=,Wb0pEBxqv7Xk1sD2uH4rNwA=", "2@REDACTED"),
            (
                "https://wa.me/settings/linked_devices#2@NwbA4YqhBvYEQoZo8zgk,nG0lXq9fJ1koTn0JbZK3,Wb0pEBxqv7Xk1sD2uH4r,1",
                "https://wa.me/settings/linked_devices#2@REDACTED",
            ),
            ("1$smdp.example.com$ABCD-1234-EFGH", "1$REDACTED"),
            ("LPA:1$smdp.example.com$ABCD-1234-EFGH$$1", "LPA:REDACTED"),
            ("Scan LPA:1$smdp.example.com$ABCD-1234$1.3.6.1$1 now", "Scan LPA:1$smdp.example.com$REDACTED now"),
            (
                "https://esim.example/?carddata=LPA:1%24smdp.example.com%24ABCD-1234",
                "https://esim.example/?carddata=LPA:1%24smdp.example.com%24REDACTED",
            ),
            ("Login: admin / x", "Login: admin / REDACTED"),
            ("Router\nlogin: admin/hunter2\nEnjoy", "Router\nlogin: admin/REDACTED\nEnjoy"),
            ("Zugang: gast | Sommer!24", "Zugang: gast | REDACTED"),
            ("User/Pass: me@x.de / hunter2", "User/Pass: me@x.de / REDACTED"),
            ("Login: admin:hunter2", "Login: admin:REDACTED"),
        ] {
            let stored = super::super::payload::read(text).stored;
            assert_eq!(stored, expected, "{text}");
            assert_eq!(redact(expected), expected, "twice");
        }
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        let eleven = PHRASE.rsplit_once(' ').unwrap().0;
        for text in [
            eleven,
            "the quick brown fox jumps over the lazy dog and then it will run into the forest to sleep",
            "fresh apple orange lemon cherry banana potato tomato onion garlic pepper and salt in this box",
            "rouge vert bleu jaune noir blanc gris rose violet orange marron beige turquoise argent",
            "https://shop.example/p/red-cotton-shirt-with-long-sleeve-for-summer-and-spring-2024",
            // An address of Bitcoin, a content id of IPFS, an address of Solana.
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKjfCC",
            "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV",
            "KLM-555555555555555555555555555555555555555555555555555",
            "2@x.de",
            "me2@x.de, you3@x.de, us4@x.de",
            "1$3.50$20",
            "1$ off, 2$ next.time$",
            "Login: 9:00",
            "Login: https://x.de/account",
            "Login: x.de / app",
            "Login: with app / web",
            "Login: Facebook / Google / Apple",
            "Login: Facebook / Google",
            "Login: QR | SMS",
            "Zugang: Hof 2 / Tor B",
            "User: me",
            "Account: 4711 / 12",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
