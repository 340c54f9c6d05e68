"""Names of months, as feeds have them: in the languages of most of Europe, and of China, Indonesia and Turkey.

A name may be abbreviated to three letters or more, and lack its accents. Months of which a language has one such
beginning for two are told apart by longer ones; where two languages mean different months by a word, the first in the
table counts.
"""

import unicodedata
from functools import cache

#: For each language twelve groups of names: the basic form, and others that stand in dates.
_LANGUAGES = (
    "january february march april may june july august september,sept october november december",
    "januar,jänner februar märz,maerz april mai juni juli august september oktober november dezember",
    "janvier février,fevrier mars avril mai juin juillet août,aout septembre octobre novembre décembre,decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre,setiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre,set ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro,set outubro novembro dezembro",
    "januari februari maart,mrt april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar marts,mars april maj,mai juni juli august september oktober november december,desember",
    "januari februari maret april mei juni juli agustus september oktober november desember",
    "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "január február március április május június július augusztus szeptember október november december",
    "január,januára február,februára marec,marca apríl,apríla máj,mája jún,júna júl,júla august,augusta "
    "september,septembra október,októbra november,novembra december,decembra",
    "styczeń,stycznia luty,lutego marzec,marca kwiecień,kwietnia maj,maja czerwiec,czerwca lipiec,lipca "
    "sierpień,sierpnia wrzesień,września październik,października listopad,listopada grudzień,grudnia",
    "leden,ledna únor,února březen,března duben,dubna květen,května červen,června,čvn červenec,července,čvc "
    "srpen,srpna září říjen,října listopad,listopadu prosinec,prosince",
    "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "tammikuu,tammikuuta helmikuu,helmikuuta maaliskuu,maaliskuuta huhtikuu,huhtikuuta toukokuu,toukokuuta "
    "kesäkuu,kesäkuuta heinäkuu,heinäkuuta elokuu,elokuuta syyskuu,syyskuuta lokakuu,lokakuuta marraskuu,marraskuuta "
    "joulukuu,joulukuuta",
    "январь,января февраль,февраля март,марта апрель,апреля май,мая июнь,июня июль,июля август,августа "
    "сентябрь,сентября октябрь,октября ноябрь,ноября декабрь,декабря",
    "січень,січня лютий,лютого березень,березня квітень,квітня травень,травня червень,червня липень,липня "
    "серпень,серпня вересень,вересня жовтень,жовтня листопад,листопада грудень,грудня",
    "януари февруари март април май юни юли август септември октомври ноември декември",
    "ιανουάριος,ιανουαρίου φεβρουάριος,φεβρουαρίου μάρτιος,μαρτίου απρίλιος,απριλίου μάιος,μαΐου ιούνιος,ιουνίου "
    "ιούλιος,ιουλίου αύγουστος,αυγούστου σεπτέμβριος,σεπτεμβρίου οκτώβριος,οκτωβρίου νοέμβριος,νοεμβρίου "
    "δεκέμβριος,δεκεμβρίου",
    "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
)
#: What python-dateutil reads.
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHORTEST = 3


def english_month(word: str) -> str:
    """The first three letters of a month's name in English; empty for any other word."""
    return _table().get(_folded(word), "")


def numbered_month(number: int) -> str:
    """As ``english_month``, of a number; empty if no month has it."""
    return _ENGLISH[number - 1] if 1 <= number <= len(_ENGLISH) else ""


def _folded(word: str) -> str:
    """The word in lower case and without accents."""
    letters = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@cache
def _table() -> dict[str, str]:
    """By word. Made when it is needed: nearly all dates are in forms that the standard library reads."""
    found: dict[str, str] = {}
    beginnings: dict[str, str] = {}
    for language in _LANGUAGES:
        meanings: dict[str, set[str]] = {}
        for month, group in zip(_ENGLISH, language.split(), strict=True):
            for name in map(_folded, group.split(",")):
                found.setdefault(name, month)
                for length in range(_SHORTEST, len(name)):
                    meanings.setdefault(name[:length], set()).add(month)
        for beginning, months in meanings.items():
            if len(months) == 1:
                beginnings.setdefault(beginning, *months)
    return {**beginnings, **found}
