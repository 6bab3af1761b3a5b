//! Secrets in prose: a card that says `Password: hunter2`, a configuration file, a private key.

use std::borrow::Cow;

use super::secret_names::is_secret_name;
use super::secrets::REDACTED;

/// What a label of a password ends in, run together.
#[rustfmt::skip]
const PASSWORDS: &[&str] = &[
    "adgangskode", "contrasena", "contraseña", "geslo", "haslo", "hasło", "heslo", "jelszo", "jelszó", "kennwort",
    "lozinka", "lösenord", "matkhau", "mdp", "motdepasse", "networkkey", "netzwerkschluessel", "netzwerkschlüssel",
    "palavrapasse", "parolă", "passcode", "passphrase", "passwd", "password", "passwort", "presharedkey",
    "privatekey", "psk", "pwd", "salasana", "salasõna", "secretkey", "senha", "sifre", "slaptažodis", "wachtwoord",
    "wifikey", "wlankey", "wlanschluessel", "wlanschlüssel", "wpa2key", "wpa3key", "wpakey", "şifre", "пароль",
    "كلمةالسر", "كلمةالمرور", "パスワード", "密码", "密碼", "暗号キー", "暗号化キー", "暗証番号", "비밀번호",
];

/// Labels that are ordinary words too: only what looks like a secret is one behind them.
const ORDINARY: &[&str] = &["accesskey", "apikey", "authorization", "parola", "pass", "pin", "pw", "secret", "token"];

/// What makes a key of what is beside it that of a network.
#[rustfmt::skip]
const NETWORKS: &[&str] = &[
    "hotspot", "hálózat", "netværk", "nettverk", "network", "netwerk", "netz", "nätverk", "rete", "rede", "reseau", "réseau",
    "sieci", "síte", "sítě", "verkko", "wep", "wifi", "wlan", "wpa", "δικτύου", "сети", "мережі", "ネットワーク", "无线", "無線",
    "網路", "网络", "네트워크", "무선",
];

/// Words for a key, which alone are ordinary.
#[rustfmt::skip]
const KEYS: &[&str] = &[
    "anahtar", "anahtarı", "avain", "chave", "chiave", "clave", "cle", "clef", "clé", "code", "código", "codice", "key", "klic",
    "klíč", "klucz", "kľúč", "kod", "kode", "kulcs", "nyckel", "nøgle", "nøkkel", "schlüssel", "sleutel", "κλειδί", "κωδικός",
    "ключ", "код", "キー", "密钥", "密鑰", "金鑰", "키", "암호",
];

/// Labels of a phrase of many words.
const PHRASES: &[&str] =
    &["backupphrase", "mnemonic", "recoveryphrase", "seed", "seedphrase", "seedwords", "wiederherstellungsphrase"];
const SHORTEST_PHRASE: usize = 12;

/// Passes over a text, each of which takes something away.
const MOST_PASSES: usize = 8;

/// What a private key begins and ends with.
const KEY_BEGINS: &str = "-----BEGIN ";
const KEY_END: &str = "PRIVATE KEY-----";

/// A text without what is behind the label of a secret, as far as white space, and without private keys.
pub fn redact_sentences(text: &str) -> Cow<'_, str> {
    let mut redacted = Cow::Borrowed(text);
    // What took the place of one secret may join what was around it.
    for _ in 0..MOST_PASSES {
        let keyless = redact_private_keys(&redacted);
        let labelless = redact_labelled(&keyless).map_or(keyless, Cow::Owned);
        let next = redact_commands(&labelless);
        if next == redacted {
            break;
        }
        redacted = Cow::Owned(next);
    }
    redacted
}

fn redact_private_keys(text: &str) -> Cow<'_, str> {
    let Some(begin) = text.find(KEY_BEGINS) else { return Cow::Borrowed(text) };
    let Some(head) = text.get(begin..).and_then(|rest| rest.find(KEY_END)).map(|at| begin + at + KEY_END.len()) else {
        return Cow::Borrowed(text);
    };
    let (head, body) = text.split_at(head);
    if body.starts_with(REDACTED) {
        return Cow::Borrowed(text);
    }
    let behind = body.find(KEY_END).and_then(|at| body.get(at + KEY_END.len()..)).unwrap_or_default();
    Cow::Owned(format!("{head}{REDACTED}{behind}"))
}

/// The text without what command lines and headers hold between blanks: `Bearer …`, `--password …`, `-u user:…`,
/// `user:…@host`.
fn redact_commands(text: &str) -> String {
    let mut before = "";
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end_matches(char::is_whitespace);
        let space = word.get(bare.len()..).unwrap_or_default();
        let kept = if is_named_by(before, bare) { None } else { Some(redact_account(bare)) };
        // Blanks between do not part a name from its value.
        before = if bare.is_empty() { before } else { bare };
        kept.unwrap_or_else(|| REDACTED.to_owned()) + space
    });
    words.collect()
}

/// Whether a word is a secret because of the word before it.
fn is_named_by(before: &str, word: &str) -> bool {
    if word.is_empty() || word.starts_with('-') || word == REDACTED {
        return false;
    }
    if before.eq_ignore_ascii_case("bearer") || before.eq_ignore_ascii_case("basic") {
        let token = word.trim_end_matches(['"', '\'', ',', ';', '.']);
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        return token.len() >= 12 && token.bytes().all(is_token) && token.bytes().any(|byte| byte.is_ascii_digit())
            || token.len() >= 24 && token.bytes().all(is_token);
    }
    match before.strip_prefix("--").or_else(|| before.strip_prefix('-')) {
        Some("u" | "U" | "user" | "proxy-user") => {
            word.split_once(':').is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
        }
        Some(option) if option.len() > 3 => !option.contains(['=', ':']) && is_secret_name(option),
        _ => false,
    }
}

/// What is before a mail address: labels and schemes, which are not users.
#[rustfmt::skip]
const MAIL_LABELS: &[&str] = &[
    "acct", "bcc", "cc", "contact", "email", "from", "ftp", "http", "https", "im", "impp", "info", "jabber",
    "kontakt", "mail", "mailto", "matmsg", "matrix", "paypal", "replyto", "sip", "sips", "skype", "smtp", "to", "web",
    "xmpp",
];

/// A word `user:password@host` without user and password. A label or scheme may be before: `mailto:user:password@host`.
fn redact_account(word: &str) -> String {
    let mut kept = 0;
    loop {
        let rest = word.get(kept..).unwrap_or_default();
        let Some((user, behind)) = rest.split_once(':') else { return word.to_owned() };
        let name: String =
            user.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let is_label = MAIL_LABELS.contains(&name.as_str()) || name.ends_with("mail") || name.ends_with("email");
        if is_label {
            kept += user.len() + 1;
            continue;
        }
        let Some((password, host)) = behind.rsplit_once('@') else { return word.to_owned() };
        let is_user = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte))
            && user.bytes().any(|byte| byte.is_ascii_alphabetic());
        let end = host.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '.' | '-'));
        let name = host.get(..end.unwrap_or(host.len())).unwrap_or_default();
        let is_host = name.len() > 1 && name.bytes().any(|byte| byte.is_ascii_alphabetic());
        if !is_user || !is_host || password.is_empty() || password.starts_with('/') || password.contains("//") {
            return word.to_owned();
        }
        return format!("{}{REDACTED}@{host}", word.get(..kept).unwrap_or_default());
    }
}

/// `None` where nothing is to be hidden.
fn redact_labelled(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((at, sign)) = rest.char_indices().find(|(_, letter)| matches!(letter, ':' | '=' | '：' | '\t' | '>'))
    {
        let (label, behind) = rest.split_at(at);
        let behind = behind.get(sign.len_utf8()..).unwrap_or_default();
        let value = next_line(behind.trim_start_matches([' ', '\u{a0}']));
        let found = secret_length(label, value, value.len() < behind.len() || label.ends_with(' '));
        let end = rest.len() - if found == 0 { behind.len() } else { value.len() };
        out.push_str(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + found..).unwrap_or_default();
        if found > 0 {
            out.push_str(REDACTED);
        }
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

/// What a label says whose line is empty: the next line, if it is one word.
fn next_line(value: &str) -> &str {
    if !value.starts_with(['\r', '\n']) {
        return value;
    }
    let next = value.trim_start();
    let line = next.lines().next().unwrap_or_default().trim_end();
    let is_word = !line.is_empty() && !line.contains(|letter: char| letter.is_whitespace() || ":=：".contains(letter));
    if is_word { next } else { value }
}

/// Whether the words of a label are those of a network's key: `WLAN key`, `clé Wi-Fi`, `Nätverksnyckel`.
fn is_network_key(words: &[String]) -> bool {
    let label = words.concat();
    let is_password = |word: &String| PASSWORDS.iter().any(|password| word.ends_with(password));
    let is_key = |word: &String| KEYS.iter().any(|key| word.ends_with(key)) || is_password(word);
    // Of one word it is the key that is last.
    let is_phrase = words.len() > 1 && words.iter().any(is_key) || words.last().is_some_and(is_key);
    let is_password_of = ["motdepasse", "palavrapasse"].iter().any(|password| label.contains(password));
    (is_phrase || is_password_of) && NETWORKS.iter().any(|network| label.contains(network))
}

/// How many bytes at the start of `value` are the secret that `label` names. `is_spaced`: blanks are around the sign.
fn secret_length(label: &str, value: &str, is_spaced: bool) -> usize {
    // An address and nothing else, as in most payloads.
    if value.starts_with("//") && !value.contains(char::is_whitespace) {
        return 0;
    }
    let label = label.trim_end_matches([' ', '"', '\'', '*']);
    // `(WPA2)` says of which kind the key is.
    let label =
        label.strip_suffix(')').and_then(|inner| inner.rsplit_once('(')).map_or(label, |(label, _)| label.trim_end());
    let mut words = label.rsplit(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '-' | '_' | ' '));
    // Three words at most: `API access key`; of a network's key more: `clé de sécurité Wi-Fi`.
    let words: Vec<&str> = words.next().unwrap_or_default().split_whitespace().rev().take(5).collect();
    let plain =
        |word: &&str| word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_network_key = is_network_key(&words.iter().rev().map(plain).collect::<Vec<String>>());
    let words = words.get(..3).unwrap_or(&words);
    let Some(name) = words.first() else { return 0 };
    let label: String =
        words.iter().rev().flat_map(|word| word.chars()).filter(|letter| letter.is_alphanumeric()).collect();
    let label = label.to_lowercase();
    let is_password = is_network_key || PASSWORDS.iter().any(|password| label.ends_with(password));
    if PHRASES.iter().any(|phrase| label.ends_with(phrase)) {
        let line = value.lines().next().unwrap_or_default();
        if line.split_whitespace().count() >= SHORTEST_PHRASE {
            return line.len();
        }
    }
    if let Some(quote) = value.chars().next().filter(|letter| matches!(letter, '"' | '\'' | '`')) {
        let inner = value.get(1..).unwrap_or_default();
        let inner = inner.get(..inner.find(quote).unwrap_or(0)).unwrap_or_default();
        let is_secret = !inner.is_empty() && inner != REDACTED && (is_password || is_secret_name(name));
        // What follows the quote without a break belongs to it.
        let behind = value.get(inner.len() + 2..).unwrap_or_default();
        let more = behind.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(behind.len());
        return if is_secret { inner.len() + 2 + more } else { 0 };
    }
    let is_ordinary = ORDINARY.iter().any(|ordinary| label == *ordinary || label.ends_with(ordinary) && *name != label);
    // Without blanks it is a parameter or a part of an address, which have their own rules.
    if !(is_password || is_ordinary && is_spaced) {
        return 0;
    }
    let is_end = |letter: char| {
        letter.is_whitespace()
            || matches!(letter, '<' | '>' | '"' | '`')
            || !is_spaced && matches!(letter, '&' | ';' | ',' | '|' | '#')
    };
    let mut length = value.find(is_end).unwrap_or(value.len());
    let mut word = value.get(..length).unwrap_or_default();
    if word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic") {
        let behind = value.get(length..).unwrap_or_default().trim_start_matches(' ');
        word = behind.get(..behind.find(is_end).unwrap_or(behind.len())).unwrap_or_default();
        length = value.len() - behind.len() + word.len();
    }
    length += grouped_digits(word, value.get(length..).unwrap_or_default());
    // JSON, whose quotes are a part of it.
    if matches!(word, "{" | "[" | "(" | "({") {
        length = value.find(char::is_whitespace).unwrap_or(value.len());
    }
    let is_likely = word.len() >= 8 && word.bytes().any(|byte| byte.is_ascii_digit())
        || label.ends_with("pin") && word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    if word.starts_with("//") || word == REDACTED || !(is_password || is_likely) { 0 } else { length }
}

/// Bytes of the further groups of digits of a key that is printed in groups: `1234 5678 9012`.
fn grouped_digits(first: &str, behind: &str) -> usize {
    if first.len() < 4 || !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let mut length = 0;
    while let Some(group) = behind.get(length..).and_then(|rest| rest.strip_prefix([' ', '-'])) {
        let digits = group.bytes().take_while(u8::is_ascii_digit).count();
        let is_whole = !group.get(digits..).is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        if digits != first.len() || !is_whole {
            break;
        }
        length += 1 + digits;
    }
    length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_of_networks_are_hidden_in_any_language() {
        for label in [
            "WLAN-Schlüssel",
            "WLAN-Schlüssel (WPA2)",
            "WLAN-Netzwerkschlüssel",
            "Netzwerkschlüssel",
            "Passwort WLAN",
            "Passwort für das WLAN",
            "WLAN-Code",
            "WiFi key",
            "Wi-Fi Key",
            "Network security key",
            "Password WiFi",
            "Password for Wi-Fi",
            "Clé WiFi",
            "Clé de sécurité Wi-Fi",
            "Code wifi",
            "Code WiFi ",
            "Mot de passe du WiFi",
            "Clave WiFi",
            "Clave de la red WiFi",
            "Contraseña del WiFi",
            "Chiave di rete",
            "Chiave WPA",
            "Password della rete WiFi",
            "Chave de rede",
            "Senha do Wi-Fi",
            "Klucz sieciowy",
            "Hasło do WiFi",
            "Netwerksleutel",
            "Wifi-sleutel",
            "Nätverksnyckel",
            "Netværksnøgle",
            "Nettverksnøkkel",
            "Klíč sítě",
            "Heslo k WiFi",
            "Hálózati kulcs",
            "Wi-Fi kulcs",
            "WiFi anahtarı",
            "WiFi şifre",
            "Пароль от Wi-Fi",
            "Ключ сети",
            "Ключ Wi-Fi",
            "ネットワークキー",
            "暗号化キー",
            "无线密码",
            "网络密钥",
            "WiFi 密码",
            "와이파이 비밀번호",
            "네트워크 키",
        ] {
            for sign in [": ", " : ", "： "] {
                let [text, expected] =
                    ["x7.y/z", REDACTED].map(|key| format!("SSID: Cafe\n{label}{sign}{key}\nHave fun"));
                assert_eq!(redact_sentences(&text), expected);
            }
        }
        for (text, expected) in [
            ("WLAN-Schlüssel: 1234 5678 9012 3456 7890", "WLAN-Schlüssel: REDACTED"),
            ("Netzwerkschlüssel: 12345678\n4 Zimmer", "Netzwerkschlüssel: REDACTED\n4 Zimmer"),
            ("Passwort:\nkaffee123\nViel Spaß", "Passwort:\nREDACTED\nViel Spaß"),
            ("WLAN key\r\n(WPA3):\r\nkaffee 12", "WLAN key\r\n(WPA3):\r\nkaffee 12"),
            ("Seed: eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf\nx", "Seed: REDACTED\nx"),
        ] {
            assert_eq!(redact_sentences(text), expected);
        }
        for text in [
            "Free WiFi: yes",
            "WLAN: Cafe",
            "Network: Cafe",
            "Wi-Fi keyboard: Logitech",
            "Code: 4711",
            "Clé: sol",
            "Clave: sol",
            "Ключ: скрипичный",
            "Schlüssel: beim Portier",
            "Password:\nThank you",
            "Passwort:\nSSID: Cafe",
            "key: C major",
            "Seed: tomato",
            "Seed: mix of twelve",
        ] {
            assert_eq!(redact_sentences(text), text);
        }
    }

    #[test]
    fn what_a_label_names_is_hidden() {
        for (text, expected) in [
            ("Password: hunter2", "Password: REDACTED"),
            ("WLAN: Cafe\nPasswort: kaffee123\nViel Spaß!", "WLAN: Cafe\nPasswort: REDACTED\nViel Spaß!"),
            ("User: me / Wi-Fi password : a&b;c", "User: me / Wi-Fi password : REDACTED"),
            ("用户: a 密码：abc", "用户: a 密码：REDACTED"),
            (
                "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\nDNS = 1.1.1.1",
                "[Interface]\nPrivateKey = REDACTED\nDNS = 1.1.1.1",
            ),
            ("WPA2 Key: x1", "WPA2 Key: REDACTED"),
            ("كلمة المرور: x1", "كلمة المرور: REDACTED"),
            ("PIN: 1234", "PIN: REDACTED"),
            ("API key: a1b2c3d4e5", "API key: REDACTED"),
            ("Authorization: Bearer a1b2c3d4e5", "Authorization: REDACTED"),
            ("var token=\"s3cret\";", "var token=REDACTED;"),
            ("password=\"a\"b c", "password=REDACTED c"),
            ("password={\"a\":\"s3cret\"} c", "password=REDACTED c"),
            ("<user>me</user><password>s3cret</password>", "<user>me</user><password>REDACTED</password>"),
            ("password\ts3cret", "password\tREDACTED"),
            ("SSID: n PSK: x", "SSID: n PSK: REDACTED"),
            ("WLAN-Schlüssel: x", "WLAN-Schlüssel: REDACTED"),
            ("Bearer 0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d", "Bearer REDACTED"),
            ("curl -H Authorization: Bearer a1b2c3d4e5f6 x", "curl -H Authorization: REDACTED x"),
            ("curl -u me:pw x.de", "curl -u REDACTED x.de"),
            ("mysql --password hunter2 -h db", "mysql --password REDACTED -h db"),
            ("run --api-key  vip", "run --api-key  REDACTED"),
            ("me:pw@x.de", "REDACTED@x.de"),
            ("db at me:p@ss@x.de:5432/a", "db at REDACTED@x.de:5432/a"),
            ("mailto:me:pw@x.de", "mailto:REDACTED@x.de"),
            ("{'token': 'abc', 'a': 'b'}", "{'token': REDACTED, 'a': 'b'}"),
            ("MECARD:N:x;PASSWORD:abc;TEL:1;;", "MECARD:N:x;PASSWORD:REDACTED;TEL:1;;"),
            (
                "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nend",
                "-----BEGIN PRIVATE KEY-----REDACTED\nend",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "-----BEGIN RSA PRIVATE KEY-----REDACTED"),
        ] {
            assert_eq!(redact_sentences(text), expected, "{text}");
            assert_eq!(redact_sentences(expected), expected);
        }
    }

    #[test]
    fn prose_keeps_its_words() {
        for text in [
            "The secret: love",
            "token: ring",
            "Pin: gold",
            "Session: 9:00 Keynote",
            "Code: 4711",
            "note: passwords are dead",
            "Password:",
            "Bearer bonds 42",
            "Basic training 2024",
            "--name me -u me",
            "mailto:me@x.de",
            "E-Mail: me@x.de Mail:info@x.de",
            "MATMSG:TO:me@x.de;SUB:Hi;BODY:x;;",
            "EMAIL;TYPE=work:me@x.de",
            "from 12:30@gate to 14:00",
            "docker pull a:b",
            "git@github.com:me/x.git",
            "key: A minor",
            "https://shop.example/p/1?a=b:c",
            "-----BEGIN CERTIFICATE-----\nMIIE",
        ] {
            assert_eq!(redact_sentences(text), text);
        }
    }

    proptest! {
        #[test]
        fn twice_is_once(text in "(password|pin|token|x|bearer|-u|--token |[:=@ \"'\n;&]|[a-z0-9é]{1,9}|-----BEGIN |PRIVATE KEY-----){0,12}") {
            let once = redact_sentences(&text).into_owned();
            prop_assert_eq!(&redact_sentences(&once), &once);
        }
    }
}
