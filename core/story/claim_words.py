"""The words of claims in English and French, as patterns of folded text.

Folded text is in small letters, without accents, and with straight apostrophes.
"""

import re
import unicodedata
from enum import StrEnum


class Kind(StrEnum):
    """What a statement says of one method beside another."""

    BETTER = "better"
    WORSE = "worse"
    NOT_BETTER = "not better"
    NOT_WORSE = "not worse"
    LOWER = "lower"
    HIGHER = "higher"
    NOT_LOWER = "not lower"
    NOT_HIGHER = "not higher"
    SAME = "equivalent"
    DIFFERENT = "different"
    OPEN = "undecided"
    NOT_FOUND_BETTER = "not found to be better"
    NOT_FOUND_WORSE = "not found to be worse"
    NOT_FOUND_LOWER = "not found to be lower"
    NOT_FOUND_HIGHER = "not found to be higher"
    BEST = "best of all"
    WORST = "worst of all"
    LOWEST = "lowest of all"
    HIGHEST = "highest of all"
    VALUE = "value"


OF_ALL = frozenset({Kind.BEST, Kind.WORST, Kind.LOWEST, Kind.HIGHEST})
"""What is said of one method beside all others."""

NEGATED = {
    Kind.BETTER: Kind.NOT_BETTER,
    Kind.WORSE: Kind.NOT_WORSE,
    Kind.LOWER: Kind.NOT_LOWER,
    Kind.HIGHER: Kind.NOT_HIGHER,
    Kind.DIFFERENT: Kind.SAME,
    Kind.SAME: Kind.DIFFERENT,
}
"""What a statement says with a "not"; of the others nothing can be told then."""

NOT_FOUND = {
    Kind.NOT_BETTER: Kind.NOT_FOUND_BETTER,
    Kind.NOT_WORSE: Kind.NOT_FOUND_WORSE,
    Kind.NOT_LOWER: Kind.NOT_FOUND_LOWER,
    Kind.NOT_HIGHER: Kind.NOT_FOUND_HIGHER,
    Kind.SAME: Kind.OPEN,
}
"""What it says where it only speaks of what was found: the data may be too few."""


def fold(text: str) -> str:
    """Small letters without accents, one blank between words, straight apostrophes."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = re.sub("[\N{RIGHT SINGLE QUOTATION MARK}\N{PRIME}`]", "'", plain)
    plain = re.sub("[\N{EN DASH}\N{NON-BREAKING HYPHEN}\N{HYPHEN}]", "-", plain)
    plain = plain.replace("\N{MINUS SIGN}", "-").replace("_", " ")
    return re.sub(r"[^\S\n]+", " ", plain)


def words(*patterns: str) -> re.Pattern[str]:
    """Any of the patterns, as whole words."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)")


_BY_SO_MUCH = r"(?:de (?:environ |pres de )?[-+]?\d[\d.,]*(?: (?!a )\w+| ?%)? )?"
# Adverbs between a verb and a comparative need no mention: they are not looked at.
PREDICATES: dict[Kind, re.Pattern[str]] = {
    Kind.OPEN: words(
        r"(?:the )?(?:data|numbers|results) (?:cannot|can't|do not|don't) tell",
        *(r"inconclusive", r"undecided", r"cannot be told", r"non concluante?s?"),
        r"(?:not|pas) (?:ete )?(?:conclusive|concluante?s?)",
        r"no (?:statistically )?significant differences?",
        r"(?:aucune|pas de) differences? significatives?",
        r"(?:not (?:statistically )?significant|pas significati(?:f|ve)s?)",
        r"ne (?:permet(?:tent)?|peu(?:t|vent)) pas (?:de )?(?:conclure|trancher)",
    ),
    Kind.SAME: words(
        *(r"equivalente?s?", r"equivaut"),
        r"no difference",
        r"(?:aucune|pas de|nulle) difference",
        r"(?:as good as|the same as|on par with|matche?s?|equals?(?! opportunity))",
        r"equal to",
        r"(?:aussi bon(?:ne)?s? que|(?:egale?s?|egaux) (?:a|au|aux))",
    ),
    Kind.BEST: words(
        r"(?<!at )(?:the )?(?:very )?best",
        r"(?:la|le|les) (?:toutes? )?meilleure?s?(?! que)",
    ),
    Kind.WORST: words(r"(?<!at )(?:the )?(?:very )?worst", r"(?:la|le|les) pires?"),
    Kind.LOWEST: words(
        r"(?:the )?lowest", r"(?:la|le|les) plus (?:bas(?:se)?s?|faibles?|petite?s?)"
    ),
    Kind.HIGHEST: words(
        r"(?:the )?highest", r"(?:la|le|les) plus (?:haute?s?|elevee?s?|grande?s?)"
    ),
    Kind.WORSE: words(
        *(r"worse", r"worsen(?:s|ed|ing)?", r"degrad(?:es?|ed|ing|er)"),
        *(r"hurt(?:s|ing)?", r"harm(?:s|ed|ing)?"),
        *(r"los(?:es?|t) (?:to|against)", r"underperforms?", r"inferior to"),
        *(r"(?:lags?|falls?|is|are) behind", r"deteriorates?"),
        r"(?:beaten|outperformed|surpassed)"
        r"(?:(?: (?!it|them|all)\w+)? by(?! (?:about|around|some|an?|far|\d))"
        r"|(?=[^.;,]* by (?:the )?[\U000F0000-\U000F0FFF]))",
        *(r"pires?", r"moins (?:bon(?:ne)?s?|bien)", r"degrade(?:nt|r)?"),
        *(r"empire(?:nt|r)?", r"deteriore(?:nt|r)?", r"nui(?:t|sent|re) (?:a|au|aux)"),
        r"(?:est|sont|ete) (?:pas )?(?:\w+ment )?(?:battu|surpasse|depasse)e?s?",
        r"(?:battu|surpasse|depasse)e?s?"
        r"(?:(?: \w+)? par|(?=[^.;,]* par (?:la |le |l')?[\U000F0000-\U000F0FFF]))",
    ),
    Kind.BETTER: words(
        *(r"better", r"beats?", r"beat(?:en|ing)", r"outperform(?:s|ed)?"),
        *(r"surpass(?:es|ed)?", r"improv(?:es?|ed|ing)(?: on| upon)?"),
        r"help(?:s|ed|ing)?(?! of)",
        r"w(?:ins?|on(?!'t))(?: over| against)?",
        *(r"superior to", r"ahead of"),
        *(r"bat(?:tent|tre|tu)?", r"surpasse(?:nt|r)?", r"depasse(?:nt|r)?"),
        r"meilleure?s?",
        *(r"(?<!au )mieux", r"ameliore(?:nt|r|e?s?)?", r"(?<!l')aide(?:nt|r)?"),
        r"l'emporte(?:nt|r)? sur",
    ),
    Kind.LOWER: words(
        *(
            r"lower(?:s|ed|ing)?",
            r"smaller",
            r"reduc(?:es?|ed|ing)",
            r"decreas(?:es?|ed|ing)",
        ),
        *(r"cuts?", r"halves", r"narrow(?:s|ed|er)?", r"closes", r"shrinks?"),
        *(r"drops?", r"falls?"),
        r"(?:nearer|closer) to zero",
        r"plus (?:bas(?:se)?s?|faibles?|petite?s?|proches? de zero)",
        *(r"redui(?:t|sent|re|tes?|ts)", r"diminue(?:nt|r|e?s?)?"),
        *(r"abaisse(?:nt|r)?", r"baisse(?:nt|r)?", r"moindres?"),
        *(r"resserre(?:nt|r)?", r"comble(?:nt|r)?"),
        rf"inferieure?s? {_BY_SO_MUCH}(?:a|au|aux)",
    ),
    Kind.HIGHER: words(
        *(
            r"higher",
            r"larger",
            r"greater",
            r"increas(?:es?|ed|ing)",
            r"rais(?:es?|ed|ing)",
            r"rises?",
        ),
        *(r"widen(?:s|ed)?", r"farther from zero", r"further from zero"),
        r"plus (?:haute?s?|elevee?s?|grande?s?|eloignee?s? de zero)",
        *(r"augmente(?:nt|r|e?s?)?", r"accroi(?:t|ssent|tre)", r"creuse(?:nt|r)?"),
        r"elargi(?:t|ssent|r)",
        rf"superieure?s? {_BY_SO_MUCH}(?:a|au|aux)",
    ),
    Kind.DIFFERENT: words(
        *(r"differ(?:s|ed|ent)?(?: from)?", r"differ(?:e|ente?s?)(?: de)?"),
        r"(?:there (?:is|are|was|were)|il y a|il existe)"
        r"(?: (?!no|not|pas|aucune)\w+){1,3} differences?",
        r"(?:an?|une) (?:\w+ )?difference (?:between|entre)",
    ),
}
"""In the order in which they count where several stand in one statement."""

NEGATION = re.compile(
    r"(?<!\w)(?:not|no|never|neither|nor|none|nothing|cannot|ne|aucune?s?|nulle?s?|ni"
    r"|pas|jamais|non|rien)(?!\w)|n't(?!\w)|(?<!\w)n'(?=\w|$)"
)
FAILS = words(
    *(r"fail(?:s|ed|ing)?", r"unable", r"hardly", r"barely", r"scarcely", r"without"),
    *(r"sans", r"echou(?:e|ent|er)", r"incapables?", r"peine(?:nt)? a"),
)
"""What says the same as a "not", and with one takes it back."""
OF_NOTHING = re.compile(
    r" ?(?:neither|none|nothing|no(?! (?:less|fewer|more)(?!\w))|ni|aucune?s?|nulle?s?"
    r"|rien)(?!\w)"
)
"""Right behind a verb: it "improves neither", "improves nothing"."""
OF_NONE = frozenset({"neither", "ni", "none", "nor"})
"""What a list of methods may follow that all have the "not"."""
OF_NOUN = frozenset({"no", "non", "nul", "nulle", "nuls", "nulles", "aucun", "aucune"})
"""What may belong to a noun, and not to the verb."""
BUT_NOT = re.compile(r"(?:,|,? (?:but|and|mais|et)) (?:not|pas|non)(?= )")
ONLY_ONE_OF_SEVERAL = re.compile(
    r"(?<!\w)(?:not (?:only|just|merely)|non seulement)(?!\w)"
    r"|(?<!\w)pas (?:seulement|uniquement)(?!\w)"
)
"""No "not": what follows is said too."""
ONLY_THAT = re.compile(r"(?<!\w)(?:ne |n').*(?<!\w)(?:que |qu')")
"""In French "ne ... que" is "only"."""
OTHER_NOT = words(r"pas", r"jamais", r"aucune?s?", r"nulle?s?", r"ni", r"rien", r"nul")
ASIDE = re.compile(
    r"(?<!\w)(?:(?:with|at|avec) no|without(?: any)?|sans(?: aucune?)?)"
    r" [\w' -]*(?:,|(?=[.;!])|$)"
)
"""A remark on what it takes: "with no extra cost"."""
AS_SHOWN = re.compile(
    r"(?<!\w)(?:as (?:is |was |we have )?(?:shown|seen|found|established|proven?)"
    r"|comme (?:l'|le |la |on l'a )?(?:montre|vu|demontre|observe|etabli)e?)(?!\w)"
)
EXCEPT = words(
    *(r"except", r"apart from", r"other than", r"rather than", r"instead of"),
    *(r"sauf", r"hormis", r"excepte", r"a part", r"plutot que", r"au lieu d(?:e|u)"),
)
CLAUSE = words(r"and", r"or", r"but", r"yet", r"et", r"ou", r"mais", r"which", r"qui")
NOT_BEST = words(
    r"(?:one|some|two|three) of the (?:very )?(?:best|worst|lowest|highest)",
    r"(?:among|amongst) the (?:very )?(?:best|worst|lowest|highest)",
    r"(?:second|third|fourth|fifth|next|2nd|3rd)[- ](?:best|worst|lowest|highest)",
    r"l'une? des (?:plus|meilleure?s?|pires)",
    r"parmi les (?:plus|meilleure?s?|pires)",
    r"(?:deuxieme|second|seconde|troisieme) (?:plus|meilleure?|pire)",
)
SOME_METHODS = words(
    r"(?:most|many|several|some|few|half)(?: of)?(?: the| these)?"
    r" (?:other )?(?:methods|remedies|trained models)",
    r"(?:la plupart|plusieurs|certaine?s|quelques|la moitie)(?: des| de ces)?"
    r" (?:autres )?(?:methodes|remedes)",
    # "3 methods are equivalent to the baseline" does not say which.
    r"\d+ (?:methods?|trained models?) (?:is|are)",
    r"\d+ (?:methodes?|modeles? entraines?) (?:est|sont)",
)
FOUND = words(
    *(r"detected", r"found", r"shown", r"seen", r"established", r"prove[dn]"),
    *(r"(?:detecte|trouve|observe|montre|demontre|etabli|prouve)e?s?",),
    *(r"evidence", r"proofs?", r"preuves?"),
    *(r"mise?s? en evidence", r"(?:revele|constate)e?s?"),
    *(r"significant(?:ly)?", r"significativement", r"detectables?"),
)
SIGNIFICANT = words(
    *(r"significant(?:ly)?", r"significativement"),
    r"(?:de )?(?:facon|maniere) (?:detectable|significative)",
)
TRAINED_MODEL = words(
    r"(?:this|the|these|one|single)? ?trained models?",
    r"modeles? entraines?",
    r"(?:this|these) models?",
    r"ces? modeles?",
)
EVERY_METHOD = words(
    r"(?:any|all|each|every one) of the (?:\d+ )?(?:other )?(?:methods|remedies"
    r"|trained models)",
    r"(?:every|all|any) (?:other )?(?:methods?|remed(?:y|ies))",
    # Not "with 5 seeds of each method".
    r"(?:toutes les|(?<!graines de )chaque) (?:autres? )?(?:\d+ )?methodes?",
    r"(?:tous les|chaque) (?:autres? )?(?:\d+ )?remedes?",
    r"(?:l')?ensemble des (?:autres )?(?:\d+ )?(?:methodes|remedes|modeles entraines)",
    r"(?:everything|every one|all)(?: the)? (?:else|others|rest)",
    *(r"everything", r"the others", r"t(?:ous|outes) les autres", r"tout le reste"),
)
NO_METHOD = words(
    r"none of the (?:\d+ )?(?:other )?(?:methods|remedies|trained models)",
    r"no (?:other )?(?:method|remedy)",
    r"aucune? (?:autre )?(?:des (?:\d+ )?)?(?:methodes?|remedes?)",
)

# A method after one of these is what another one is compared with.
COMPARED = re.compile(
    r"(?:compared (?:with|to)|relative to|against|versus|vs\.?|contre|unlike|than"
    r"|par rapport (?:a|au|aux)|comparee?s? (?:a|au|aux)|(?<!\w)(?:que|qu'|from)"
    r"|(?<!\w)a(?= cel(?:le|ui) )|differences? (?:\w+ )?avec)"
    r" ?(?:for|with|pour|avec|chez|the|that of|cel(?:le|ui) de|la|le|les|l'| )*$"
)
FOR = re.compile(
    r"(?<!\w)(?:for|of|with|under|pour|chez|avec|sous)"
    r" ?(?:the trained models? of|the|la|le|les|l'| )*$"
)
BETWEEN = re.compile(r"(?<!\w)(?:between|entre) ?(?:the|la|le|les|l'| )*$")
DONE_BY = words(
    r"(?:improved|reduced|lowered|raised|increased|narrowed|widened) by",
    r"(?:amelior|diminu|augment)ee?s? par",
    r"reduite?s? par",
)
BASELINE = words(
    *(r"(?:the )?baseline", r"(?:la )?(?:methode de )?reference", r"le temoin"),
    *(r"(?:le modele|la methode|la ligne) de (?:reference|base)", r"(?:le )?baseline"),
)

NO_REMEDY = words(
    r"(?:(?<=with )|(?<=to )|(?<=than )|(?<=against )|(?<=versus )|(?<=over ))"
    r"no (?:remedy|remedies|method)",
    *(r"without (?:any |a )?remed(?:y|ies)", r"sans (?:aucun )?remedes?"),
    r"l'absence de remede",
)
_METHODS = r"[\U000F0000-\U000F0FFF]"
ONLY = re.compile(
    rf"(?<!\w)(?:only|exclusively|seule?s?|seulement|uniquement) (?:the |la |le |les )?"
    rf"(?:method |methode |remedy |remede )?{_METHODS}"
    rf"|{_METHODS} (?:alone|seule?s?)(?!\w)"
    rf"|{_METHODS} (?:is|are|est|sont) (?:the only|la seule|le seul|les seule?s)(?!\w)"
)
ANY_ONLY = words(
    *(r"only(?! \d)", r"alone", r"exclusively", r"uniquement", r"seulement"),
    r"seule?s?",
)
# Where one statement ends and the next begins, the strongest first.
BOUNDARIES = (
    words(
        *(r"but", r"while", r"whereas", r"yet", r"however", r"although", r"though"),
        *(r"mais", r"tandis que", r"alors que", r"cependant", r"pourtant"),
    ),
    # Right before the second verb: "without improving".
    re.compile(r"(?<!\w)(?:without|sans) (?:\w+ly )?$"),
    re.compile(r";|[,;] (?:and|or|et|ou)(?!\w)"),
    words(r"and", r"or", r"et", r"ou"),
    # Not that of a number.
    re.compile(r"(?<!\d),|,(?!\d)"),
)
LIST = r"(?:[ ,;]|(?<!\w)(?:and|or|et|ou|the|la|le|les|l'|&)(?!\w))*"
_NUMBER = r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)"
INTERVAL = re.compile(
    # In parentheses or brackets, with a p-value beside it or not.
    r"\((?=[^()]*(?:interval|(?<!\w)(?:ci|ic)(?!\w)|(?<!\w)p ?[=<>]))[^()]*\)"
    rf"|\[ ?{_NUMBER} ?(?:[,;]|to|a) ?{_NUMBER} ?\]"
    # A p-value in the sentence.
    rf"|,? ?(?<!\w)p(?:[- ]?values?)? ?(?:[=<>\N{{LESS-THAN OR EQUAL TO}}]+|of|de)"
    rf" ?{_NUMBER}"
    # An interval in the sentence.
    rf"|,? ?(?:{_NUMBER} ?% )?(?<!\w)(?:confidence intervals?|intervals?|ci|ic"
    r"|intervalles?(?: de confiance)?)(?: (?:a |at )?\d+ ?%)?[ :=]*(?:of |from |de )?"
    rf"[\[(]?{_NUMBER}(?: ?[^\W\d]+| ?%)? ?(?:to|a|-|,|;) ?{_NUMBER}[\])]?"
)
"""Intervals and p-values: no amounts of a claim."""
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!vs\.) +|\n+")

METRICS: dict[str, re.Pattern[str]] = {
    "mae_balanced": words(
        r"balanced mae", r"mae equilibree?", r"balanced (?:mean absolute )?error"
    ),
    "mae": words(
        *(r"mae", r"mean absolute errors?", r"erreurs? absolues? moyennes?"),
        *(r"mean errors?", r"erreurs? moyennes?"),
    ),
    "rmse": words(r"rmse", r"root mean squared? errors?", r"reqm"),
    "bias": words(r"bias", r"biais"),
    "within_5": words(r"within 5(?: years)?", r"a 5 ans pres"),
    "balanced_accuracy": words(r"balanced accuracy", r"exactitude equilibree"),
    "error_rate": words(r"error rates?", r"taux d'erreurs?"),
    "auc": words(r"auc", r"area under the (?:roc )?curve", r"aire sous la courbe"),
    "average_precision": words(r"average precision", r"precision moyenne"),
    "macro_f1": words(
        r"macro[- ]?(?:averaged )?f-?1(?:[- ]scores?)?", r"f-?1[- ]macro", r"f-?1 moyen"
    ),
    "f1": words(r"f-?1(?:[- ]scores?)?", r"scores? f-?1"),
    "recall": words(r"recall", r"rappel", r"sensitivity", r"sensibilite"),
    "precision": words(r"precision"),
    "accuracy": words(r"accuracy", r"exactitude"),
    "selection_rate": words(r"selection rate", r"taux de selection"),
    "false_positive_rate": words(r"false positive rate", r"taux de faux positifs"),
    "false_negative_rate": words(r"false negative rate", r"taux de faux negatifs"),
    "log_loss": words(r"log[- ]loss", r"perte logarithmique"),
    "brier": words(r"brier(?: scores?)?", r"score de brier"),
    "ece": words(
        *(r"ece", r"(?:expected )?calibration errors?"),
        r"erreurs? (?:attendues? )?(?:de calibration|de calibrage|d'etalonnage)",
    ),
    "instability": words(r"instability", r"instabilite"),
    "flip_rate": words(r"flip rates?", r"taux de (?:changement|bascule)"),
}
TOP = re.compile(
    r"(?<!\w)(?:top[- ](\d+) (?:accuracy|exactitude)|exactitude top[- ](\d+))(?!\w)"
)
ANY_ERROR = "error"
"""The mean absolute error of a number, the error rate of classes."""
METRICS[ANY_ERROR] = words(r"errors?", r"erreurs?")

TASKS = {
    "gender": ("genre", "sexe"),
    "ethnicity": ("ethnie", "ethnicite", "origine ethnique", "origine"),
    "hair": ("cheveux", "coiffure"),
    "glasses": ("lunettes",),
    "group": ("groupe",),
}
"""French words for tasks and sensitive features, by the name that they have."""

PARTS = {
    "male": ("men", "hommes", "masculin"),
    "female": ("women", "femmes", "feminin"),
    "few-shot": ("few shot", "classes rares", "rare classes"),
    "many-shot": ("many shot", "classes frequentes", "frequent classes"),
}
"""Other words for classes and groups, by their names."""

GAP = words(
    *(r"gaps?", r"disparit(?:y|ies|es?)", r"unfairness", r"inequit(?:e|es|y)"),
    *(r"ecarts?(?! de calib)", r"inegalites?"),
)
NAMED_GAPS = {
    ("selection_rate", "difference"): words(
        r"demographic parity(?: difference)?", r"parite demographique"
    ),
    ("recall", "difference"): words(
        r"equal opportunity(?: difference)?", r"egalite des chances"
    ),
    ("equalized_odds", "difference"): words(
        r"equali[sz]ed odds(?: difference)?", r"chances egalisees"
    ),
    ("accuracy", "fair_metric"): words(
        r"fair metric",
    ),
}

UNITS = {"years": r"years?|ans?|annees?"}
"""Words for the units of numbers, by the unit that a task has."""

NUMBER = re.compile(
    r"(?<![\w.,])[-+]?(?P<whole>\d+)(?:[.,](?P<part>\d+))?(?![\w]|[.,]\d)"
)
POINTS = re.compile(r" ?(?:(?:percentage )?points?|pts?)(?!\w)")
PER_CENT = re.compile(r" ?(?:%|per ?cent|pour cent|pourcents?)(?!\w)")
# A number behind one of these is a bound or a setting, and not the amount.
NO_AMOUNT = re.compile(
    r"(?:less than|moins de|under|below|at least|at most|au moins|au plus|with|avec"
    r"|within|power is|puissance est|seeds?|graines?) ?$"
)
NO_UNIT = re.compile(
    r" ?(?:seeds?|images?|epochs?|methods?|groups?|classes|graines?|epoques?|methodes?"
    r"|groupes?|more|-|(?:of|sur) \d[\d.,]*)(?!\w)"
)
TO = re.compile(r" ?(?:to|a|-) ?(?=[-+]?\d)")
"""Between the two numbers of "from 6.5 to 6.0", or the ends of a range."""
FROM = re.compile(r"(?<!\w)(?:from|de|d') ?(?:about |around |environ )?$")
BY = re.compile(
    r"(?<!\w)(?:by|differences? (?:of|de|d')|de|d')"
    r"(?: about| around| some| environ| only)* ?$"
)
THAN_THAT = re.compile(
    r" ?(?:lower|higher|better|worse|smaller|larger|nearer|farther|de moins|de plus"
    r"|plus|moins)(?!\w)"
)
BRACKET = re.compile(r"\( ?$"), re.compile(r" ?\)")
"""Around a number in brackets: a sign before it makes it a difference."""
OWNED_BY = re.compile(
    r" ?(?:of|for|with|in|de|du|pour|avec|chez)"
    r" (?:the |la |le |les |l')?(?P<method>[\U000F0000-\U000FFFFD])"
)
