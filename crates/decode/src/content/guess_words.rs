//! Words of many languages, of which tests make texts.

use encoding_rs::{self as rs, Encoding};

/// A language in one of its character sets.
pub(super) struct LanguageInCharset {
    pub name: &'static str,
    pub table: &'static Encoding,
    /// Whether words are parted by spaces.
    pub has_spaces: bool,
    /// Of 400 made texts so many must be told.
    pub least: usize,
    pub words: &'static str,
}

/// What is before and after the words.
pub(super) const ASCII_AROUND: &[(&str, &str)] = &[
    ("", ""),
    ("", ""),
    ("", ""),
    ("", " 123"),
    ("", "-4711"),
    ("", ", ABC"),
    ("", "!"),
    ("https://shop.example/p/", ""),
    ("Tel: ", ""),
    ("ID=", "; "),
    ("TEL:03-1234-5678\n", " kg"),
    ("MECARD:N:", ""),
    ("A4 ", ""),
    ("2024-05-01 ", "."),
];

pub(super) const LANGUAGES: &[LanguageInCharset] = &[
    LanguageInCharset {
        name: "Japanese",
        table: rs::SHIFT_JIS,
        has_spaces: false,
        least: 386,
        words: "東京都 大阪府 京都市 横浜市 名古屋 札幌 福岡 神戸 北海道 新宿区 渋谷 中央区 本町 一丁目 番地 株式会社 有限会社 山田 太郎 佐藤 鈴木 高橋 田中 渡辺 \
            伊藤 中村 小林 商品 番号 製造 年月日 品名 原材料 表示 価格 税込 円 送料 無料 お問い合わせ ありがとうございます こんにちは さようなら テスト \
            ソフトウェア データ コンピュータ ポイント カード サービス ホームページ アクセス 電話番号 住所 氏名 会員 予約 注文 確認 変更 取扱説明書 能力 表 ソース \
            十分 機能 予定 構成 申込 貼付 欺 圭 箇所 図 施設 学校 大学 図書館 病院 駅 空港 天気 明日 今日 料理 寿司 抹茶 緑茶 饅頭 煎餅 日本語 漢字 これは \
            です ます した の は を に が へ",
    },
    LanguageInCharset {
        name: "half-width katakana",
        table: rs::SHIFT_JIS,
        has_spaces: true,
        least: 360,
        words: "ﾔﾏﾀﾞ ﾀﾛｳ ｻﾄｳ ｽｽﾞｷ ﾀｶﾊｼ ﾀﾅｶ ﾜﾀﾅﾍﾞ ｲﾄｳ ﾅｶﾑﾗ ｺﾊﾞﾔｼ ﾄｳｷｮｳ ｵｵｻｶ ｷｮｳﾄ ｶﾌﾞｼｷｶﾞｲｼｬ ﾃｽﾄ ﾃﾞｰﾀ \
            ｶｰﾄﾞ ﾎﾟｲﾝﾄ ｻｰﾋﾞｽ ｼﾖｳﾋﾝ ﾊﾞﾝｺﾞｳ ｶｶｸ ｾﾞｲｺﾐ ﾘﾝｺﾞ ﾐｶﾝ ﾊﾞﾅﾅ ｺｰﾋｰ ﾁｮｺﾚｰﾄ ﾁｰｽﾞ ﾊﾟﾝ ﾎﾝｼﾞﾂ \
            ﾄｸﾊﾞｲ ﾆﾎﾝ ﾌｸｵｶ ｻｯﾎﾟﾛ ﾅｺﾞﾔ ﾖｺﾊﾏ ﾑﾘｮｳ ﾛｯｶｰ ｹｲﾀｲ ﾃﾞﾝﾜ ﾕｳﾋﾞﾝ ﾌﾘｺﾐ ｺｳｻﾞ ﾒｲｷﾞ",
    },
    LanguageInCharset {
        name: "Chinese",
        table: rs::GB18030,
        has_spaces: false,
        least: 360,
        words: "北京市 上海市 广州 深圳 杭州 成都 中国 人民 公司 有限公司 产品 名称 生产 日期 保质期 规格 价格 数量 订单 编号 地址 电话 联系人 姓名 张伟 王芳 \
            李娜 刘洋 陈静 手机 网站 扫码 关注 公众号 微信 支付 支付宝 优惠券 会员 积分 欢迎 光临 谢谢 您好 请 使用 说明书 绿茶 苹果 香蕉 牛奶 面包 学校 \
            大学 图书馆 医院 车站 机场 大街 路 号 区 省 天气 今天 明天 我们 你们 他们 的 是 在 和 了 有 不 这 为",
    },
    LanguageInCharset {
        name: "Chinese",
        table: rs::BIG5,
        has_spaces: false,
        least: 364,
        words: "臺北市 高雄市 臺中 新竹 桃園 中華民國 有限公司 產品 名稱 製造 日期 保存期限 規格 價格 數量 訂單 編號 地址 電話 聯絡人 姓名 陳志明 林淑芬 黃 張 李 \
            王 手機 網站 掃描 關注 會員 點數 歡迎 光臨 謝謝 您好 請 使用 說明書 綠茶 蘋果 香蕉 牛奶 麵包 學校 大學 圖書館 醫院 車站 機場 大街 路 號 區 縣 \
            天氣 今天 明天 我們 你們 他們 的 是 在 和 了 有 不 這 為 功能 許多 許可 蓋",
    },
    LanguageInCharset {
        name: "Korean",
        table: rs::EUC_KR,
        has_spaces: true,
        least: 376,
        words: "서울특별시 부산 대구 인천 강남구 종로 주식회사 제품 이름 제조 날짜 유통기한 규격 가격 수량 주문 번호 주소 전화번호 김철수 이영희 박지성 최민수 \
            휴대폰 홈페이지 스캔 회원 포인트 환영합니다 감사합니다 안녕하세요 사용 설명서 녹차 사과 바나나 우유 빵 학교 대학교 도서관 병원 역 공항 대로 길 호 \
            동 날씨 오늘 내일 우리 그들 입니다 있는 하는 에서 으로 그리고 이 것 한국어",
    },
    LanguageInCharset {
        name: "Russian",
        table: rs::WINDOWS_1251,
        has_spaces: true,
        least: 370,
        words: "Москва Санкт-Петербург Россия улица дом квартира общество с ограниченной \
            ответственностью товар название производство дата срок годности цена количество заказ \
            номер адрес телефон Иванов Петров Сидоров Мария Анна Сергей сайт скидка карта добро \
            пожаловать спасибо привет инструкция чай яблоко молоко хлеб школа университет \
            библиотека больница вокзал аэропорт погода сегодня завтра мы они это не на и в для по \
            из как МОСКВА ЦЕНА СКИДКА ООО",
    },
    LanguageInCharset {
        name: "Greek",
        table: rs::ISO_8859_7,
        has_spaces: true,
        least: 380,
        words: "Αθήνα Θεσσαλονίκη Ελλάδα οδός αριθμός εταιρεία προϊόν όνομα παραγωγή ημερομηνία λήξη \
            τιμή ποσότητα παραγγελία διεύθυνση τηλέφωνο Γιώργος Μαρία Νίκος σελίδα έκπτωση κάρτα \
            καλώς ήρθατε ευχαριστώ γεια σας οδηγίες χρήσης τσάι μήλο γάλα ψωμί σχολείο \
            πανεπιστήμιο βιβλιοθήκη νοσοκομείο σταθμός αεροδρόμιο καιρός σήμερα αύριο εμείς είναι \
            και το στην για από",
    },
    LanguageInCharset {
        name: "Polish",
        table: rs::ISO_8859_2,
        has_spaces: true,
        least: 341,
        words: "Łódź Kraków Gdańsk Poznań Wrocław ulica Święta Żółta spółka odpowiedzialnością \
            właściciel sprzedaż zamówienie ilość książka żółw źródło miłość gość być święto pożar \
            łyżka mąka ręka dzień dobry dziękuję proszę wysyłka płatność zniżka główna szkoła \
            zdrowie jabłko chleb nazwa cena produkt",
    },
    LanguageInCharset {
        name: "Polish",
        table: rs::WINDOWS_1250,
        has_spaces: true,
        least: 321,
        words: "Łódź Kraków Gdańsk Poznań Wrocław ulica Święta Żółta spółka odpowiedzialnością \
            właściciel sprzedaż zamówienie ilość książka żółw źródło miłość gość być święto pożar \
            łyżka mąka ręka dzień dobry dziękuję proszę wysyłka płatność zniżka główna szkoła \
            zdrowie jabłko chleb nazwa cena produkt",
    },
    LanguageInCharset {
        name: "Czech",
        table: rs::WINDOWS_1250,
        has_spaces: true,
        least: 243,
        words: "Praha Brno Plzeň Ústí náměstí ulice příjmení společnost ručením omezeným výrobek \
            název výroba datum spotřeby cena množství objednávka číslo adresa telefon Jiří Novák \
            Dvořák Černý stránka sleva karta vítejte děkujeme dobrý den návod použití čaj jablko \
            mléko chléb škola univerzita knihovna nemocnice nádraží letiště počasí dnes zítra \
            který není jsou",
    },
    LanguageInCharset {
        name: "Turkish",
        table: rs::WINDOWS_1254,
        has_spaces: true,
        least: 302,
        words: "İstanbul İzmir Şişli Beşiktaş sokağı caddesi şirketi ürün adı üretim tarihi kullanım \
            fiyatı sipariş numarası Ayşe Işık Çağlar Gökçe Öztürk teşekkürler hoş geldiniz güneş \
            ağaç şeker çay süt ekmek okul üniversite kütüphane havalimanı bugün yarın için değil \
            olduğu",
    },
    LanguageInCharset {
        name: "Thai",
        table: rs::WINDOWS_874,
        has_spaces: false,
        least: 380,
        words: "กรุงเทพ เชียงใหม่ ประเทศไทย ถนน บริษัท จำกัด สินค้า ชื่อ ผลิต วันที่ หมดอายุ ราคา \
            จำนวน สั่งซื้อ หมายเลข ที่อยู่ โทรศัพท์ สมชาย สมหญิง เว็บไซต์ ส่วนลด บัตร \
            ยินดีต้อนรับ ขอบคุณ สวัสดี คู่มือ ชา แอปเปิล นม ขนมปัง โรงเรียน มหาวิทยาลัย ห้องสมุด \
            โรงพยาบาล สถานี สนามบิน อากาศ วันนี้ พรุ่งนี้ เรา และ ที่ ไม่",
    },
    LanguageInCharset {
        name: "Hebrew",
        table: rs::WINDOWS_1255,
        has_spaces: true,
        least: 365,
        words: "ירושלים תל אביב חיפה ישראל רחוב מספר חברה מוצר שם ייצור תאריך תפוגה מחיר כמות הזמנה \
            כתובת טלפון דוד משה שרה אתר הנחה כרטיס ברוכים הבאים תודה שלום הוראות שימוש תה תפוח \
            חלב לחם בית ספר אוניברסיטה ספרייה מזג אוויר היום מחר אנחנו הם זה לא של את על עם",
    },
    LanguageInCharset {
        name: "Arabic",
        table: rs::WINDOWS_1256,
        has_spaces: true,
        least: 374,
        words: "القاهرة الرياض دبي مصر شارع رقم شركة منتج اسم إنتاج تاريخ انتهاء السعر الكمية طلب \
            عنوان هاتف محمد أحمد فاطمة موقع خصم بطاقة مرحبا شكرا السلام عليكم تعليمات استخدام شاي \
            تفاح حليب خبز مدرسة جامعة مكتبة مستشفى محطة مطار طقس اليوم غدا نحن هم هذا لا من في \
            على إلى",
    },
    LanguageInCharset {
        name: "Western European",
        table: rs::WINDOWS_1252,
        has_spaces: true,
        least: 378,
        words: "Köln München Düsseldorf Straße Größe Grüße Käse Äpfel Öl Über für schön hören weiß \
            Bäckerei Gebühr Schlüssel Zürich café crème brûlée été élève français château hôtel \
            naïve Noël où déjà garçon forêt québec prénom à côté cœur ñandú España mañana niño \
            señor información teléfono dirección años número producción São Paulo ação coração \
            não informações preço João avó três Malmö Göteborg Åre räksmörgås på över är \
            København smørrebrød æble øl årstid blå Ærø Tromsø kjøtt være perché città più \
            università così caffè ijsbeer één coördinatie ideeën Ísland þetta það ½ 20° 5€ 100µ \
            £20 §5 ©2024 «oui» ¿Qué? ¡Hola! Nr.° 3×4 Pâtisserie",
    },
    LanguageInCharset {
        name: "capitals",
        table: rs::WINDOWS_1252,
        has_spaces: true,
        least: 386,
        words: "KÖLN MÜNCHEN DÜSSELDORF GRÖSSE ÄPFEL ÖL ÜBER KÄSE CAFÉ CRÈME BRÛLÉE ÉTÉ FRANÇAIS \
            CHÂTEAU HÔTEL NOËL DÉJÀ ESPAÑA MAÑANA NIÑO SEÑOR INFORMACIÓN TELÉFONO AÑOS NÚMERO SÃO \
            PAULO AÇÃO CORAÇÃO NÃO PREÇO MALMÖ GÖTEBORG KØBENHAVN ÆBLE ÅRSTID CITTÀ PIÙ PERCHÉ",
    },
    LanguageInCharset {
        name: "Japanese",
        table: rs::EUC_JP,
        has_spaces: false,
        least: 300,
        words: "東京都 大阪府 京都市 横浜市 名古屋 札幌 福岡 神戸 北海道 新宿区 渋谷 中央区 本町 一丁目 番地 株式会社 有限会社 山田 太郎 佐藤 鈴木 高橋 田中 渡辺 \
            伊藤 中村 小林 商品 番号 製造 年月日 品名 原材料 表示 価格 税込 円 送料 無料 お問い合わせ ありがとうございます こんにちは さようなら テスト \
            ソフトウェア データ コンピュータ ポイント カード サービス ホームページ アクセス 電話番号 住所 氏名 会員 予約 注文 確認 変更 取扱説明書 能力 表 ソース \
            十分 機能 予定 構成 申込 貼付 欺 圭 箇所 図 施設 学校 大学 図書館 病院 駅 空港 天気 明日 今日 料理 寿司 抹茶 緑茶 饅頭 煎餅 日本語 漢字 これは \
            です ます した の は を に が へ",
    },
    LanguageInCharset {
        name: "Russian",
        table: rs::KOI8_R,
        has_spaces: true,
        least: 340,
        words: "Москва Санкт-Петербург Россия улица дом квартира общество с ограниченной \
            ответственностью товар название производство дата срок годности цена количество заказ \
            номер адрес телефон Иванов Петров Сидоров Мария Анна Сергей сайт скидка карта добро \
            пожаловать спасибо привет инструкция чай яблоко молоко хлеб школа университет \
            библиотека больница вокзал аэропорт погода сегодня завтра мы они это не на и в для по \
            из как МОСКВА ЦЕНА СКИДКА ООО",
    },
    LanguageInCharset {
        name: "Ukrainian",
        table: rs::WINDOWS_1251,
        has_spaces: true,
        least: 380,
        words: "Київ Львів Україна вулиця будинок товар назва виробництво дата термін придатності ціна кількість \
            замовлення номер адреса телефон Іваненко Шевченко сайт знижка картка ласкаво просимо дякуємо привіт \
            чай яблуко молоко хліб школа лікарня вокзал погода сьогодні завтра ми вони це не і на для з як ЦІНА",
    },
    LanguageInCharset {
        name: "short Russian",
        table: rs::WINDOWS_1251,
        has_spaces: true,
        least: 350,
        words: "годен адрес руб шт цена дом кв вход зал чай сок мед соль кофе рис сыр суп час дней срок код вес нетто",
    },
    LanguageInCharset {
        name: "Hungarian",
        table: rs::WINDOWS_1250,
        has_spaces: true,
        least: 360,
        words: "újság termék ára kenyér tej gyümölcslé üdvözöljük köszönjük Győr Székesfehérvár Kőbánya Üllői út \
            időpont minőség összeg készült szám cím telefonszám főváros nagyáruház vízvezeték tűzoltóság őszi \
            sütemény fűszer étterem könyvtár repülőtér pályaudvar idő ma hétfő szombat",
    },
    LanguageInCharset {
        name: "Romanian",
        table: rs::WINDOWS_1250,
        has_spaces: true,
        least: 320,
        words: "Bucureşti Iaşi Timişoara Braşov strada piaţa bună ziua mulţumim preţ cantitate adresă telefon \
            oraş judeţ staţie lapte pâine brânză cafea mâncare şcoală universitate bibliotecă spital gară \
            astăzi mâine este şi în pentru fără",
    },
    LanguageInCharset {
        name: "Slovenian and Croatian",
        table: rs::WINDOWS_1250,
        has_spaces: true,
        least: 330,
        words: "Šibenik Čakovec Žalec Maribor cesta številka naročilo količina množina hiša šola knjižnica bolnišnica \
            postaja čaj mleko kruh zelišča meščan tržnica začetek več možnost dobrodošli hvala obveščamo trgovina \
            proizvođač narudžba račun kuća tržište što također veće",
    },
];
