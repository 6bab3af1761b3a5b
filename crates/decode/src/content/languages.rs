//! What bytes cost in bits as text of a language: how unusual its characters are, and their company.
//!
//! The lists are the characters that are common in each language, from the most common on; what they do not name is
//! judged by the order in which the character sets themselves lay common before rare ones. Codes hold a few words, so a
//! rule must tell from two or three characters. The costs were set by texts made of real words (`guess_words`) and checked
//! on others: messages of a web framework and names of places in 26 languages.

use encoding_rs::{self as rs, Encoding};

/// What the languages of a set write.
#[derive(Clone, Copy)]
enum Script {
    /// Kana and kanji.
    Japanese,
    /// Chinese characters; the most common ones by name.
    Chinese(&'static str),
    /// Korean syllables.
    Korean,
    /// An alphabet of its own.
    Alphabet {
        /// Small letters by frequency.
        letters: &'static str,
        /// Letters that end a word.
        finals: &'static str,
        /// Other characters in use.
        marks: &'static str,
    },
    /// Latin and the letters its languages add.
    Latin {
        /// The letters that nearly every sentence has.
        common: &'static str,
        /// The other letters.
        letters: &'static str,
        /// Other characters in use.
        marks: &'static str,
    },
}

/// A character set in question.
pub(super) struct Candidate {
    /// Its table.
    pub table: &'static Encoding,
    script: Script,
    /// How much less likely it is than the standard's default before anything is read, in bits.
    rarity: f32,
    /// What the detector's vote for it is worth, in bits.
    pub vote: f32,
}

const fn candidate(table: &'static Encoding, script: Script, rarity: f32, vote: f32) -> Candidate {
    Candidate { table, script, rarity, vote }
}

const CENTRAL_COMMON: &str = "ąćęłńóśźżáéíýěščřžůúőűöüţşăâ";
const CENTRAL_LETTERS: &str = "ŁŚŻŹĆÓĄĘŃďťňľĺŕČŘŠŽÁÉÍÝÚŮĎŤŇŐŰÖÜäđĐôîÎßŞŢĂ";
const GREEK: &str = "αοιετσνηυρπκμλςάόίέωγδήθχώύφβξζψϊϋΐΰ";

/// The sets that codes without a designation are found in. Each ISO part stands beside the Windows code page that differs
/// from it. EUC-JP, KOI8 and ISO 8859-5 are left out: nothing was found that writes them into codes, and they turn other
/// sets' texts into plausible ones.
pub(super) const CANDIDATES: &[Candidate] = &[
    candidate(
        rs::WINDOWS_1252,
        Script::Latin {
            common: "éèàüöäßçñóáíúãõêåøìùò",
            letters: "ÉÄÖÜÅØæôâîûëïÁÍÓÚÇÑÀÈÃÕýþðÆœŒÊÂÎÔÛËÏŸÿÝÞÐÌÒÙŠšŽž",
            marks: "°£§©€½«»¿¡•·™®„²×º\u{a0}",
        },
        0.0,
        4.0,
    ),
    candidate(rs::SHIFT_JIS, Script::Japanese, 0.0, 0.0),
    candidate(rs::GB18030, Script::Chinese(SIMPLIFIED), 1.0, 0.0),
    candidate(rs::BIG5, Script::Chinese(TRADITIONAL), 3.0, 3.0),
    candidate(rs::EUC_KR, Script::Korean, 2.0, 0.0),
    candidate(
        rs::WINDOWS_1251,
        Script::Alphabet {
            letters: "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъіїєґўѓќ", finals: "", marks: "№«»–—“”…°©"
        },
        2.0,
        4.0,
    ),
    candidate(
        rs::WINDOWS_1250,
        Script::Latin { common: CENTRAL_COMMON, letters: CENTRAL_LETTERS, marks: "°§©€«»•·™®„\u{a0}" },
        3.0,
        2.5,
    ),
    candidate(
        rs::ISO_8859_2,
        Script::Latin { common: CENTRAL_COMMON, letters: CENTRAL_LETTERS, marks: "°§\u{a0}" },
        3.2,
        2.5,
    ),
    candidate(
        rs::WINDOWS_1254,
        Script::Latin { common: "ışğüöçİ", letters: "ŞĞÖÜÇâîû", marks: "°€«»•·™®\u{a0}" },
        1.5,
        4.0,
    ),
    candidate(rs::WINDOWS_1253, Script::Alphabet { letters: GREEK, finals: "ς", marks: "«»–’…°©€" }, 3.0, 4.0),
    candidate(rs::ISO_8859_7, Script::Alphabet { letters: GREEK, finals: "ς", marks: "«»°©" }, 3.2, 4.0),
    candidate(
        rs::WINDOWS_1255,
        Script::Alphabet {
            letters: "יוהלאתרבשמםנכדחפעקטגסזצןךףץ", finals: "םןךףץ", marks: "–“”₪"
        },
        4.0,
        8.0,
    ),
    candidate(
        rs::WINDOWS_1256,
        Script::Alphabet {
            letters: "اليمونرتبةعدسفهكقأحجشصإىخطضذثزئغءظؤآ", finals: "ةى", marks: "،؟؛پچژگ"
        },
        4.0,
        4.0,
    ),
    candidate(
        rs::WINDOWS_874,
        Script::Alphabet {
            letters: "านรกอเงม่ยลวดทสตัี้ิปบหคแไพจขืะ็ุูโช์ใถผธำซณึศภษญฟฉฐฝฮฎฏฆฌฑฒฬฤๆฯ๊๋", finals: "", marks: ""
        },
        4.0,
        4.0,
    ),
];

/// Bits of an ASCII character, in any language.
const ASCII: f32 = 5.0;
/// Bits of a character that no text of the language has.
const STRANGE: f32 = 17.0;
/// Characters that are looked at: more say nothing new.
const MOST: usize = 300;

impl Candidate {
    /// What the bytes cost as text in this set; `None` where they are not plain text in it.
    pub(super) fn cost(&self, bytes: &[u8]) -> Option<f32> {
        let text = self.table.decode_without_bom_handling_and_without_replacement(bytes)?;
        let is_plain =
            |letter: char| letter.is_ascii() || !letter.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&letter);
        if !text.chars().all(is_plain) {
            return None;
        }
        let letters: Vec<char> = text.chars().take(MOST).collect();
        let bits = letters.iter().enumerate().map(|(place, &letter)| {
            let before = place.checked_sub(1).and_then(|place| letters.get(place)).copied();
            let company = Company { before, after: letters.get(place + 1).copied() };
            if letter.is_ascii() { ASCII } else { self.bits(letter, company) }
        });
        Some(self.rarity + bits.sum::<f32>())
    }

    fn bits(&self, letter: char, company: Company) -> f32 {
        match self.script {
            Script::Japanese if is_half_width(letter) => half_width(letter, company),
            Script::Japanese => self.japanese(letter) + company.of_a_wide_one(),
            Script::Chinese(common) => self.chinese(letter, common) + company.of_a_wide_one(),
            Script::Korean => self.korean(letter) + company.of_a_wide_one(),
            Script::Alphabet { letters, finals, marks } => alphabet(letter, company, (letters, finals, marks)),
            Script::Latin { common, letters, marks } => latin(letter, company, (common, letters, marks)),
        }
    }

    /// The two bytes of a character in this set, which says how common it is.
    fn code(&self, letter: char) -> [u8; 2] {
        self.table.encode(letter.encode_utf8(&mut [0; 4])).0.first_chunk().copied().unwrap_or_default()
    }

    fn japanese(&self, letter: char) -> f32 {
        match letter {
            'ぁ'..='ゖ' => 6.0,
            'ァ'..='ー' => 7.0,
            _ if is_wide_mark(letter) || KANJI.contains(letter) => 9.0,
            // Level 1 ends within the row of 0x98; before it are symbols and foreign letters.
            _ => match self.code(letter)[0] {
                0x88..=0x97 => 12.5,
                0x81..=0x87 | 0x98 => 14.0,
                _ => STRANGE,
            },
        }
    }

    fn chinese(&self, letter: char, common: &str) -> f32 {
        let is_traditional = self.table == rs::BIG5;
        match letter {
            _ if is_wide_mark(letter) => 9.0,
            _ if common.contains(letter) => 8.5,
            '\u{4e00}'..='\u{9fff}' => match self.code(letter) {
                // Level 1 by strokes, then level 2.
                [0xa4..=0xb9, _] if is_traditional => 12.0,
                [0xba..=0xc6, _] if is_traditional => 13.0,
                _ if is_traditional => STRANGE,
                // Level 1, level 2, what GBK added.
                [0xb0..=0xd7, 0xa1..=0xff] => 12.0,
                [0xd8..=0xf7, 0xa1..=0xff] => 15.0,
                _ => STRANGE + 2.0,
            },
            _ => STRANGE,
        }
    }

    fn korean(&self, letter: char) -> f32 {
        match letter {
            _ if HANGUL.contains(letter) => 7.5,
            // The syllables of KS X 1001, then those that code page 949 added.
            '\u{ac00}'..='\u{d7a3}' => match self.code(letter) {
                [0xb0..=0xc8, 0xa1..=0xff] => 11.7,
                _ => STRANGE + 2.0,
            },
            _ if is_wide_mark(letter) || letter == '·' => 10.0,
            _ => STRANGE,
        }
    }
}

/// Punctuation and letters of the width of a kanji.
fn is_wide_mark(letter: char) -> bool {
    matches!(letter, '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}')
}

/// The neighbours of a character.
#[derive(Clone, Copy)]
struct Company {
    before: Option<char>,
    after: Option<char>,
}

impl Company {
    fn any(self, is: impl Fn(char) -> bool) -> bool {
        self.before.is_some_and(&is) || self.after.is_some_and(is)
    }

    fn both(self, is: impl Fn(char) -> bool) -> bool {
        self.before.is_some_and(&is) && self.after.is_some_and(is)
    }

    /// Scripts of wide characters touch Latin words seldom, stand within one never, and are rarely alone.
    fn of_a_wide_one(self) -> f32 {
        let latin = |letter: char| letter.is_ascii_alphabetic();
        let touches = match (self.both(latin), self.any(latin)) {
            (true, _) => 10.0,
            (false, true) => 3.0,
            _ => 0.0,
        };
        touches + if self.any(|letter| !letter.is_ascii()) { 0.0 } else { 4.0 }
    }
}

fn is_half_width(letter: char) -> bool {
    ('\u{ff61}'..='\u{ff9f}').contains(&letter)
}

/// Katakana of one byte: in runs, with voice marks and small letters only where they can be.
fn half_width(letter: char, company: Company) -> f32 {
    let follows = |any: &str| company.before.is_some_and(|before| any.contains(before));
    let is_bound = match letter {
        '｡' | '｢' | '｣' | '､' | '･' => return 11.0,
        'ﾞ' => Some(follows("ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ")),
        'ﾟ' => Some(follows("ﾊﾋﾌﾍﾎ")),
        'ｬ' | 'ｭ' | 'ｮ' => Some(follows("ｷｼﾁﾆﾋﾐﾘﾞﾟ")),
        'ｰ' | 'ｯ' | 'ｧ' | 'ｨ' | 'ｩ' | 'ｪ' | 'ｫ' => Some(company.before.is_some_and(is_half_width)),
        _ => None,
    };
    match is_bound {
        Some(true) => 4.0,
        Some(false) => STRANGE,
        None if !company.any(is_half_width) => STRANGE,
        None if company.any(|letter| letter.is_ascii_alphabetic()) => 11.0,
        None if company.before.is_some_and(is_half_width) => 4.8 + 2.8 * rank(KATAKANA, letter),
        None if company.before.is_none_or(|before| before.is_ascii()) => 6.0 + 2.8 * rank(KATAKANA, letter),
        // One line of type holds wide or narrow ones, not both.
        None => 11.0,
    }
}

/// Place of a character in a list as a share of its length, 1 for the last and for one that is not in it.
fn rank(list: &str, letter: char) -> f32 {
    let place = list.chars().position(|other| other == letter);
    place.map_or(1.0, |place| place as f32 / list.chars().count() as f32)
}

fn small(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

fn alphabet(letter: char, company: Company, (letters, finals, marks): (&str, &str, &str)) -> f32 {
    if !letters.contains(small(letter)) {
        return match letter {
            _ if marks.contains(letter) => 9.0,
            '\u{a0}' => 10.0,
            _ => 15.0,
        };
    }
    let is_ours = |other: char| letters.contains(small(other));
    let is_large = |other: char| other != small(other);
    let mut bits = 3.3 + 6.0 * rank(letters, small(letter));
    if is_large(letter) {
        bits += match company.before.filter(|before| is_ours(*before)) {
            Some(before) if is_large(before) => 0.5,
            Some(_) => 8.0,
            None => 1.5,
        };
    }
    if !company.any(is_ours) {
        bits += 3.0;
    }
    if company.any(|other| other.is_ascii_alphabetic()) {
        bits += 8.0;
    }
    if finals.contains(letter) && company.after.is_some_and(is_ours) {
        bits += 8.0;
    }
    // Thai vowels and tones above and below stand on a letter.
    let is_on_top = matches!(letter, 'ั' | 'ิ'..='ฺ' | '็'..='๎');
    if is_on_top && !company.before.is_some_and(is_ours) {
        bits += 10.0;
    }
    bits
}

fn latin(letter: char, company: Company, (common, letters, marks): (&str, &str, &str)) -> f32 {
    let is_inside = company.both(char::is_alphabetic);
    let mut bits = match letter {
        _ if common.contains(letter) => 6.0,
        _ if letters.contains(letter) => 8.0,
        '‘' | '’' | '“' | '”' | '–' | '…' => 7.5,
        _ if marks.contains(letter) => 9.0 + if is_inside { 4.0 } else { 0.0 },
        _ => 15.0 + if is_inside { 2.0 } else { 0.0 },
    };
    if !letter.is_alphabetic() {
        return bits;
    }
    if !company.any(char::is_alphabetic) {
        bits += 2.0;
    }
    if company.before.is_some_and(|before| !before.is_ascii() && before.is_alphabetic()) {
        bits += 2.5;
    }
    if letter.is_uppercase() && company.before.is_some_and(char::is_lowercase) {
        bits += 8.0;
    }
    if letter.is_lowercase() && company.both(char::is_uppercase) {
        bits += 4.0;
    }
    // What Polish ń and ę would be in the standard's default.
    let after = company.after.map(small);
    let is_misplaced = match small(letter) {
        'ñ' => !after.is_some_and(|after| "aeiouáéíóúü".contains(after)),
        'ê' => after.is_some_and(|after| "bdhkwz".contains(after)),
        _ => false,
    };
    if is_misplaced {
        bits += 8.0;
    }
    bits
}

/// Common simplified characters, and those of shops and addresses.
const SIMPLIFIED: &str = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里\
    用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日\
    者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体美相见被\
    利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真\
    论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市\
    直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色\
    路记南品住告类求据程北边张该交规万取拉格望领共确传师观清今切院让识候带导争运商价店号址码证厂购买费免\
    邮扫微支付户网站客服省县街镇广京津深圳州请输选择效错误";

/// Common traditional characters, and those of shops and addresses.
const TRADITIONAL: &str = "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡\
    用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日\
    者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體美相見被\
    利什二等產或新己制身果加西月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論\
    處走義各入幾口認條平系氣題活更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直資\
    命山金指許統區保至形社便空決治展科司五基書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類\
    求據程北邊該交規萬取望領共確傳師觀清今切院讓識候帶導運臺灣縣號址店價格購買費郵網站街鎮請輸選擇效錯誤";

/// Kanji of the first school years, and those of shops and addresses.
const KANJI: &str = "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名\
    川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨会社市区県町村丁目番地号株式有限田島藤野井\
    原松林佐伊渡辺石橋品商店価格税込送料無製造期内容量材表示保存方法使用取扱説明注意住所氏様員登録予約文\
    確認変更案情報公園駅道府京都阪神奈埼玉葉愛知福岡札幌横浜古屋広仙台新宿渋谷港央部課係者事業場館院病図\
    安全機能力動作性途種類数単位箱個枚色型化第議室階以必要不正的選択値";

/// Katakana of half the width by frequency.
const KATAKANA: &str = "ﾝｽﾄﾙｲﾗｸﾘｼﾀｶｱﾌｻﾏｵﾃﾉｺﾐﾅﾆｷｳﾊﾓﾛﾚﾁﾂﾑﾔｴｾｹﾖﾜﾕｿﾒﾈﾋﾎﾍﾇｦ";

/// Common syllables.
const HANGUL: &str = "이다는을의에가고로하지한를은도시사기인어나자리아서대그해전부수제정상있주구일장여들보동스성과만조우라\
    소원문공무유경중명세신방생선모학관국연미오비안분회물트발양재치없용거실체요니까습입력으것할면위며때내\
    등개적금계설교품번호격배송판매울특별광역군읍길층점포쿠폰벤환영감합녕올바른값형식코파페름록";
