//! Latin letters beyond ASCII, language by language: see [`Language`].

use super::letters::Language;

/// German.
pub(super) const GERMAN: Language = Language {
    letters: "äüößé",
    pairs: [
        "änße",
        "füürwäähösülärätühörönß é éléoér",
        "hägüücpäünädüdbüügäuübägälöcütüsökäcölöhjüjöjäéméaßbßréeégéu",
        "rütälölärähösümükühümäbäkökäußäslümöüfzöoßgäböäiméötöbögfäöfwüfövöpöößßiéiédßpßwénßhßmépébésév",
    ],
};

/// French.
pub(super) const FRENCH: Language = Language {
    letters: "éèêîïàôûçâëùüœæÿ",
    pairs: [
        "èrêtà îlçaûtôtëlûrçoâtù ühœu",
        "é éeéldémégéhévéèsînîtï wéôlïdïtômônûlüsüeükürüm",
        "ré éérténéésétécséléédpécéfébéèlènèmèvhèèdêmzéètyéêcêpjàïrkéïnïqïmïsïlïeïcïaxéû âbâyâqâlëtâmâcâg",
        "ièaïénégéo àiéémtè îéprèaîrêuééaévdècèlènçoûuêmèpêmêègèchôèqgèvèvêfèhêênêvfêjéïgïbïwî îcô ôp",
    ],
};

/// Spanish.
pub(super) const SPANISH: Language = Language {
    letters: "áóíéñúü",
    pairs: [
        "ónésáníañañoúnüíüe",
        "ióí á ínálváó é úrúlúmú ",
        "eñrítámálígúdídóólméásuédéárpáénágérísíovíígéxhízáyáúsúbjówáwéwóükürümüsüi",
        "añránéró áléuínítólánúlótícécónátécícásáiñréátáfórácdámúmípúélétíeáxmótúábbágóámbúbíuñáiñeñigüvéítpíímírb\
        ééifíécpópégáhúzógíbóhéháyúúgúakázúkéfúfájújájíyékúkí",
    ],
};

/// Portuguese.
pub(super) const PORTUGUESE: Language = Language {
    letters: "ãáçéíêóõúâôàü",
    pairs: [
        "ãoçãêsõeé ólânônàsà üí",
        "á árçaálçõçoérváórívínênícísúmúlúnúdúsúbâmô üiürümüsüe",
        "açnãrátásãméágã mãdópáásmáémáfátésábétháígédógê écónbáhãósélímídjáítílóvúcjãúrjóômôr",
        " ánçnêtétãtóeçlírínéiãuênúdêníiõcêiçuíiásímêlêlátírónárérãrçsõlãpçlâuáãetõmítâcótêuçdílóávlépúcâdápãbégãb\
        óáxíbdôáqbêbúáuhõírfíénvívãgóópgáíçhéípfévéêmgégííapéêxífódhúégótó gêóivôzâhêvêqübôzõzéjúxãxéjé",
    ],
};

/// Italian.
pub(super) const ITALIAN: Language = Language {
    letters: "èàòìùéíóú",
    pairs: ["è à ò ì ù é ínónórún", "í ívíoó íaík", "héélém", " ètàdìuòétéréa"],
};

/// Swedish.
pub(super) const SWEDISH: Language = Language {
    letters: "äöåéüà",
    pairs: [
        "änärörväföé ür",
        "ösälå ånålhååsfäåténükümüs",
        " älölärätämåöaäsäggäätömårönmäågpåhähöåkjövåfåéuéléméa",
        " årösä ösöråäkävkäölkögåöglåövrégöödökmébömöådjähéuöbåbäyöéxérzüée",
    ],
};

/// Finnish.
pub(super) const FINNISH: Language = Language {
    letters: "äöšžéå",
    pairs: [
        "ä jäötšižižaé ålåb",
        "täääläänmäpäväyöö džönšešaénéléuém",
        "sänäkäämäyälärätäikörähäöpöyösöiökšufäškéxéréa",
        "äjähäsäktštöiälöröméöödäörhéölyäömöbjöšoštžpšnž šmš šg",
    ],
};

/// Danish.
pub(super) const DANISH: Language = Language {
    letters: "øæåéáüöä",
    pairs: [
        "ærørvæå é éráná üröl",
        "ænføøjælårhøjæümüsápárüc",
        "lætømåøngåøløsmæpåæsægø øeækødåsbæådjøbøånålååpæéléuéménéxéa",
        "rærøsø ølø æ ånøråmøøgøvøbkøsånæævgæsæættækæædfæøktålågøæbåbfåpøåkméågbååehéhåvéhæzü",
    ],
};

/// Norwegian.
pub(super) const NORWEGIAN: Language = Language {
    letters: "åøæéóèôòäö",
    pairs: [
        "å øræré ónóröb",
        "måøypåvæføénéléuémó ",
        "søårøsøkølfæhøåkønånødjøéréa",
        " å ønånørårøtågåtøåsbøpøméålfååthéælcó",
    ],
};

/// Dutch.
pub(super) const DUTCH: Language = Language {
    letters: "éëèïâöüóáêçûîàúäô",
    pairs: [
        "ë éeèrâtçaöeâlórürî ónáná à êqúnçoêcîlûlûs",
        "é érëlïrïnïeïtèvïsölümüpükó üsápáröbênêtön",
        "iëélënémèsèlènègïaâcân",
        "ièméléhézécéwâévéuécéténégéoépëryè",
    ],
};

/// Icelandic.
pub(super) const ICELANDIC: Language = Language {
    letters: "íðóúáþöæýé",
    pairs: [
        "ð örjójöá ý étxí",
        "ðuísaðiðrðríí íaórlíínðaólóntíósuðdíþóúnvíþeölú ásúrmáálárdóáðbíþújújáærýryðænætæðérýspópíé zá",
        " þ árúðiró ísínííkó eðímíðtónýláráðsúlómsótökólóúsgíóðtúkúbúlúögþomívæmóútkíbóúaþaúmgóöðánháhóvögúönbæoðþ\
        jmöþrþifíhúhödúhífæpúýtpáæghépææmævæbýnýjékéðzó",
        " ó úaínúírnóít öðbóvðrréðgílsúótókíesæröðmígðvíbíuúgséógópnæúbóaáklýúkúdúenþágúpóbátþveóöftýlæökfágöþýgþm\
        úfðkáúvúðlödývéhæösföfþþítájíbáældææsmýæjfúböégénfóváéuýðæ élpéémyþýmpöésébcó",
    ],
};

/// Catalan.
pub(super) const CATALAN: Language = Language {
    letters: "àèóíéòúçïü",
    pairs: [
        "à èsó í ésé ïuçaòlúmüe",
        "ióàlvàínònòrúsò úlç ú çoül",
        "iànètàuïdòtéràuèlèméàndèè àruíàcmèèxpààgàsèrgümàígísónílxívèjàúnòsïtïnúbzàjúçuïsükwòüíürümüs",
        " é àrílà èròlíeçtícèeànúuàdísómírècàtóàfnçàtrútòènètgàbúèlàmpçbàívíabòdàírósítíppúhégèpóíbhíórbébèélxèòpf\
        ègòòtkúxééqémkívíòvxòï yúúixúxóyèfòyàzúúr",
    ],
};

/// Polish.
pub(super) const POLISH: Language = Language {
    letters: "łżśćńęóąź",
    pairs: [
        "ć ńsłołaówę żeń ą ź ",
        "słśćżyścącślż ęcórś ądżaółętźnźd",
        "ałięośaćańołiąłueńońużeśrół yćtęłątódżpóyśłyędłkdłgłjąułśnśwępdźśrbłuńjęgóątązńcżnęgągólódójźw",
        " ż ś łożićińnąiżkóeżłnzęażłekłaśwłełlązłyżećyłłónónęióząsąyńtąękdóżożiwówęuśpłśkręąsótębąćóbżkżąążbęlęjśw\
        ąąbóżógżdmóżuęsbóżsęśęćózdąbądęęzężmłhłgągęhóźlźaźmźr",
    ],
};

/// Czech.
pub(super) const CZECH: Language = Language {
    letters: "áíšýěžčřéůúňóďť",
    pairs: [
        "í ý štá é řeů ň ť ónógď ďa",
        "níkýkáánněnýnárápřváě výžežiříčeěnměkélášeřivěmáětzáčíčnmížkělcíčičajšjíúsúčůžúdňaňoódňsťoďuťa",
        " čožnéátnšálávícítísvítěečužtálítřsíádíndáršázárděíktýýcž lšiščtušvéžndžlébývšičýtš pěméčkéněsř dšběžíémč \
        žažáhábápápíbřmůéhésbšmšzíbíyšůvzšjáůlútúngšůsůmúpgáúvúzórňkwšťs",
        " š ú žačámežímástíočtšašář řákšaášošešírížšiižílškšítéšnořívlýáhsárýěkídácšoučaždůšpěřěděšréěměrríařdídéý\
        drůšloňéruákůčářonůýššťpůélnžeňlóčoězkšržějmčřarčžděždřžořálčkřčudýédyžmýcůétézvčuďhýřsvůhřyčhůhšůrzřhézé\
        ůzůdzóyúú yřgóůjúřgůňdúrféfšúmgéólňtótó ósómfó",
    ],
};

/// Slovak.
pub(super) const SLOVAK: Language = Language {
    letters: "áčšíýéžúťľóňďôäĺŕ",
    pairs: [
        "á váčiý é ť ónľaňaňoň ďaätôžďuĺžŕňŕš",
        "kánárákýštíkláínčežimáužšoýcžeuší záéhjčžnútú ľoľ ľuórópď äť",
        "ánár š čnénýkéičníátnččatáašríačeľčíčošiškožšašeošiťlívýsíčnrčišdáísčkš lčívvéč žasúdžčttíímtýžíbájúírlóí\
        cúčhášpílmčžkdčyťúsúzúbbčzímôméúcpápíľsťaéncúérgáždúnzšľkhľyšúdľnógjágčódgóďofífáôcôsôrôtôlôväčwč",
        " žaťávácál úákázešečočoľnúám ďášeňiátčióažlérévšväižšínšoňšntéuádíučežróšssťkúšvmívíšuvčtósátúkóšlž ézžsý\
        žídbídňlúlšžšúvýsúríčítžoémdúuľúlcídóýryžýbúťdľžulžpčúšúpľúťoúkhčhýľšmúhúhéňáóbótgéyčómyňňuďáôpďtôjfčfúôň\
        ôdäz",
    ],
};

/// Hungarian.
pub(super) const HUNGARIAN: Language = Language {
    letters: "áéóöőíüúű",
    pairs: [
        "ó ő váítvéülújűrűv",
        "ésáláránértáászálátéénmárázőköörkédádéözínönírölükpéjáhécíúlürű űk",
        " éáttönénáléélzóágéttőéksáróiólózéámégtóséméépézódgélídőrösíólgárélőtídóónkóbáműőtímórösdíkákümóőkzöökőlö\
        thágópábőövípjúívjüőrügfáuábóhóüzú únúzpíyíútvíféúpfüfőúrűswá",
        " úác áájáb óéviá üázeáávríémák örőádkíédópzízüzűósrúé rülöókóisóöbsőtűnöóbnőőssüógtüótőjí ögrűbébötúőngöm\
        újömíjéődzúyáílhúhöütízíbyépüüsgífödöpúyőúgyűúsúdyóyüűtűjcóyöcé",
    ],
};

/// Romanian.
pub(super) const ROMANIAN: Language = Language {
    letters: "ăţşîâé",
    pairs: [
        "ă ţizăînşiştânâmé ",
        "năcăvăşaâréléuém",
        "tă şaţ îlăeţsărănţdăcţmăbăgăş fâhăâtkââzéa",
        "ărişeşaşuţătcâiţăuuămâţaţăoţpţsâuşpăţ méfăhéşăgââi",
    ],
};

/// Croatian.
pub(super) const CROATIAN: Language = Language {
    letters: "čšćžđ",
    pairs: [
        "ć čkžažiđeđa",
        "ićškšečičašičežežnđuđi",
        "ičač šišešuždžožštuččnćešačušpšnušš žu",
        "aš čošočržršažećečč švćarčeđćišučjžd",
    ],
};

/// Slovenian.
pub(super) const SLOVENIAN: Language = Language {
    letters: "čšžćđ",
    pairs: [
        "čiščžnžić će",
        "škčejšžažewš",
        "nš šiš čašičršštč eščaočošečšedžužlšmšvšušdšbšučgš",
        "ačšiož žčnežšančtščučkšpčrvčrčlžž mčpšbčžufš",
    ],
};

/// Turkish.
pub(super) const TURKISH: Language = Language {
    letters: "ıçüşğöİâîû",
    pairs: [
        "ı çiçegüğiönörİs",
        "sırınıınündışaçayıcıürş ğegötıştşiğığugıözİnpçfıâlâtâm",
        "eğ İeçiçişır ş çaşlıağıztüıloğlüeşülrükçü ümtçç üzkıükşeküdüütsüğrmüşuçızıuğyöşkuşşlyüöğğlğ ğabüböölcüpıö\
        sİlİrhıİzİçİbâ ",
        " öıcıkısaç üımnüiğığışçoıdıyoşçüuçmırşüsüyüçşışççlçuççnçsçüdçmsötöşmğmüşökdöbızüoçğdhçköö İtİşİkhüyşİpİmf\
        çfö",
    ],
};

/// Lithuanian.
pub(super) const LITHUANIAN: Language = Language {
    letters: "ųšėžįčąūę",
    pairs: [
        "ų čiė ą žiį žošašiėtėsįvūsę įsūtąrūrzųęs",
        "iųnųtųišdžnėmėlųš rėečrųdųštkšjųkųžejūdėšmbųbūėjgųžymųjąūzcūūnyšhų",
        " į šažaš žsųičsąeštąužlėdįėkėntėsėmąškrūėrkąžašovėučrždąžujįjęmęūkįrpįpėčabėčečufųyčzė",
        " čtęšsšviūnąšyšunčršušežšntūšeėdrįžtšįėlž žkėžįžgęąjkūžėgėlįgąįdčovųąnpųūdūčgū",
    ],
};

/// Latvian.
pub(super) const LATVIAN: Language = Language {
    letters: "āīšēņūļžčģķ",
    pairs: [
        "ītārjāšuvēšaērpāņaūtzīņšņubūzēļuļaģižižaģeķičičučeķeķīča",
        "iņeštītāā rīībrāāknāīgš dīkāmāētpēlīēlmēīnlūīmlēējošdžēsvāšikšbāvīūgjūgāūdņeūlbīļūzācēcīžužāģužīčoķu",
        " šānsīāsābādālātāmācājnīrēāņāiī īšeļlāēmnēēcšomīdēēnkļē īrsādātēšsēššīšārūoņnūūkūrūnūsgšņibēņoūmļigļ\
        gēļ gīžocāhāfē",
        " ā čāvīdīlašaņīkāzījišīvēļ ģēgršīsīzeģēģēzīcoļiāsūšķuāežtļičēdtūušēkēņšvnčjēmūdņdūoģmšūšļšļsļģpūpīžū",
    ],
};

/// Estonian.
pub(super) const ESTONIAN: Language = Language {
    letters: "äõüšžö",
    pairs: [
        "ärväõiääõnpäühülšišešažižaööötöl",
        "määevõähäipõdžõujäüüürõhüpšožužeždönö ",
        "sõtštätüällõkõännälätõkükäõllüõejüõtükjõpüübšuštšvhäfä",
        " ü õ šätnõmõädsüõpõrõdõmõsäsmüräümütüsüdünhübõ",
    ],
};
