"""The one vocabulary of keys and labels, in the languages that models answer in.

JSON keys, tag names, labels in lists and headers of tables are looked up here alike, by `kind_of`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

__all__ = [
    "ABOUT",
    "CANDIDATE",
    "DRAFT",
    "EXPLANATION",
    "FINAL",
    "LIST",
    "META",
    "PROBABILITY",
    "REASONING",
    "REFUSAL",
    "TEXT",
    "TOTAL",
    "VOCABULARY",
    "WEAK",
    "kind_of",
    "words_of",
]  # fmt: skip

PROBABILITY = "probability"
WEAK = "weak"
TEXT = "text"
CANDIDATE = "candidate"
LIST = "list"
REASONING = "reasoning"
EXPLANATION = "explanation"
META = "meta"
TOTAL = "total"
REFUSAL = "refusal"
DRAFT = "draft"
FINAL = "final"
ABOUT = "about"

VOCABULARY: dict[str, tuple[str, ...]] = {
    # A number that is a probability.
    PROBABILITY: (
        "probability", "prob", "prob.", "probs", "likelihood", "nll", "negative log-likelihood",
        "perplexity", "ppl", "pr",
        "확률", "가능성", "概率", "機率", "几率", "確率", "可能性", "蓋然性", "생성 확률",
        "wahrscheinlichkeit", "wahrsch", "wahrsch.", "wkt", "probabilidad", "probabilidade",
        "probabilité", "probabilite", "proba", "probabilità", "probabilitate", "kans",
        "waarschijnlijkheid", "sannolikhet", "sandsynlighed", "sannsynlighet",
        "prawdopodobieństwo", "pravděpodobnost", "pravdepodobnosť", "вероятность", "вер.",
        "ймовірність", "імовірність", "вероятност", "olasılık", "احتمال", "الاحتمال",
        "احتمالية", "الاحتمالية", "संभावना", "प्रायिकता", "xác suất", "todennäköisyys",
        "valószínűség", "probabilitas", "peluang", "kemungkinan", "kebarangkalian", "πιθανότητα",
        "הסתברות", "סבירות", "ความน่าจะเป็น", "vjerojatnost", "tõenäosus",
    ),
    # A number that may be one, where nothing better is there.
    WEAK: (
        "p", "confidence", "chance", "chances",
        "percentage", "percent", "weight", "score", "share",
        "frequency", "odds", "pct", "%", "置信度", "신뢰도", "信頼度", "konfidenz", "confianza",
        "confiança", "confiance", "fiducia", "уверенность",
        "chancen", "anteil", "prozent", "шанс",
        "proportion", "estimate", "割合", "비율", "比例", "占比", "peso", "poids", "gewicht",
    ),
    # What a candidate says.
    TEXT: (
        "text", "content", "response", "answer",
        "completion", "output", "message", "value", "body",
        "reply", "utterance", "sentence", "statement", "line", "joke", "story", "poem", "query",
        "question", "name", "title", "slogan", "tagline", "headline", "caption", "quote", "haiku",
        "verse", "lyrics", "code", "snippet", "translation", "summary", "string", "phrase",
        "텍스트", "내용", "응답", "답변", "대답", "농담", "문장", "文本", "内容", "內容", "回答",
        "回复", "回覆", "答案", "文字", "笑话", "テキスト", "応答", "解答", "答え", "文章",
        "texto", "respuesta", "contenido", "resposta", "conteúdo", "texte", "réponse", "contenu",
        "testo", "risposta", "contenuto", "tekst", "antwoord", "inhoud", "inhalt", "antwort",
        "svar", "innehåll", "indhold", "innhold", "odpowiedź", "treść", "odpověď", "obsah",
        "текст", "ответ", "відповідь", "содержание", "metin", "yanıt", "cevap", "içerik", "نص",
        "النص", "إجابة", "الإجابة", "رد", "الرد", "पाठ", "उत्तर", "जवाब", "văn bản", "nội dung",
        "câu trả lời", "phản hồi", "teksti", "vastaus", "szöveg", "válasz", "teks", "jawaban",
        "isi", "κείμενο", "απάντηση", "טקסט", "תשובה", "ข้อความ", "คำตอบ", "răspuns",
    ),
    # A numbered candidate.
    CANDIDATE: (
        "response", "answer", "candidate", "option", "sample", "completion", "output", "result",
        "item", "joke", "story", "poem",
        "query", "question", "variation", "version", "alternative",
        "idea", "choice", "entry", "possibility", "suggestion", "example", "outcome", "reply",
        "haiku", "line", "slogan", "tagline", "case",
        "guess", "scenario", "state", "city", "name",
        "title", "take", "attempt",
        "응답", "답변", "대답", "후보", "옵션", "回答", "回复", "回覆", "答案", "候选", "候選",
        "选项", "選項", "応答", "候補", "選択肢", "antwort", "kandidat", "vorschlag", "variante",
        "respuesta", "opción", "candidato", "candidata",
        "resposta", "opção", "réponse", "candidat",
        "proposition", "risposta", "opzione", "antwoord", "optie", "svar", "alternativ",
        "odpowiedź", "opcja", "odpověď", "možnost", "ответ", "вариант", "кандидат", "відповідь",
        "варіант", "yanıt", "cevap", "seçenek", "aday", "إجابة", "الإجابة", "خيار", "الخيار",
        "رد", "الرد", "उत्तर", "विकल्प", "câu trả lời", "lựa chọn", "phương án", "vastaus",
        "vaihtoehto", "válasz", "jawaban", "opsi", "pilihan", "απάντηση", "επιλογή", "תשובה",
        "אפשרות", "คำตอบ", "ตัวเลือก", "răspuns", "opțiune",
    ),
    # What holds the candidates, beside the plurals of those words.
    LIST: (
        "responses", "candidates", "answers", "samples", "completions", "items", "results",
        "outputs", "options", "list", "output", "result", "response", "answer", "data", "jokes",
        "stories", "poems", "distribution", "choices", "records", "entries", "generations",
        "predictions", "suggestions", "variations",
        "ideas", "replies", "queries", "possibilities",
        "alternatives", "outcomes", "verbalized", "arguments", "input", "parameters", "final",
        "응답", "응답들", "답변", "후보", "回答", "回复", "候选", "候補", "応答", "antworten",
        "kandidaten", "vorschläge", "varianten", "respuestas", "opciones", "candidatos",
        "respostas", "opções", "réponses", "candidats", "risposte", "candidati", "opzioni",
        "antwoorden", "opties", "odpowiedzi", "odpovědi", "ответы", "варианты", "кандидаты",
        "відповіді", "yanıtlar", "cevaplar", "إجابات", "الإجابات", "ردود", "الردود", "उत्तर",
        "विकल्प", "các câu trả lời", "vastaukset", "válaszok", "jawaban", "απαντήσεις", "תשובות",
        "คำตอบ",
    ),
    # What was thought before the candidates.
    REASONING: (
        "reasoning", "thoughts", "thought", "thinking", "rationale", "analysis", "think",
        "chain of thought", "chain_of_thought", "scratchpad", "plan", "reflection", "추론", "이유",
        "推理", "思考", "理由", "분석", "分析", "begründung", "überlegung", "überlegungen",
        "gedanken", "razonamiento", "raciocínio", "raisonnement", "réflexion", "ragionamento",
        "рассуждение", "рассуждения", "akıl yürütme", "redenering", "rozumowanie", "التفكير",
        "تفكير", "तर्क",
    ),
    # What a model adds to a candidate.
    EXPLANATION: (
        "explanation", "reason", "why", "because", "note", "notes", "comment", "justification",
        "rationale", "reasoning", "description", "context", "source", "tone", "style", "category",
        "type", "genre", "mood", "theme", "label", "setting", "angle", "perspective", "language",
        "erklärung", "grund", "hinweis", "anmerkung", "stil", "kommentar", "explicación", "razón",
        "motivo", "nota", "estilo", "tono", "explication", "raison", "remarque", "style", "ton",
        "spiegazione", "explicação", "объяснение", "причина", "примечание", "стиль", "açıklama",
        "설명", "비고", "이유", "스타일", "说明", "說明", "解释", "备注", "風格", "风格", "説明",
        "備考", "スタイル", "شرح", "ملاحظة", "टिप्पणी", "व्याख्या", "uitleg", "wyjaśnienie",
    ),
    # What is neither text nor number.
    META: (
        "id", "index", "rank", "number", "no", "no.", "#", "nr", "nr.", "num", "type", "category",
        "label", "style", "explanation", "note", "notes", "status", "count", "k", "error",
        "justification", "tone", "reason", "description", "comment", "language", "lang", "source",
        "length", "tokens", "role", "finish_reason",
        "logprob", "key", "position", "order", "uuid",
        "timestamp", "model", "version", "mood", "genre", "theme", "tags", "emoji", "author",
        "번호", "순위", "编号", "序号", "序號", "番号", "排名", "nummer", "rang", "número",
        "numero", "numéro", "№", "номер", "numara",
        "sıra", "رقم", "الرقم", "क्रम", "क्रमांक", "stt",
    ),
    # A sum of the probabilities, which is no candidate.
    TOTAL: (
        "total", "sum", "totals", "overall", "sum total", "grand total", "total probability",
        "total mass", "cumulative", "remaining", "remainder", "other", "others", "all others",
        "everything else", "合计", "合計", "总计", "總計", "总和", "합계", "총합", "총계", "計",
        "summe", "gesamt", "insgesamt", "suma", "somme", "totale", "totaal", "soma", "итого",
        "всего", "сумма", "toplam", "المجموع", "الإجمالي", "कुल", "योग", "tổng", "tổng cộng",
        "yhteensä", "összesen", "jumlah", "σύνολο", "סה״כ", "סהכ", "รวม", "razem", "celkem",
    ),
    REFUSAL: (
        "refusal", "refused", "error", "errors",
        "warning", "detail", "usage", "apology", "verdict",
    ),
    DRAFT: (
        "draft", "drafts", "first draft", "rough draft", "initial draft", "initial", "brainstorm",
        "brainstorming", "scratch", "scratchpad",
        "first attempt", "attempt", "rough", "preliminary",
        "entwurf", "erster entwurf", "borrador", "brouillon", "bozza", "rascunho", "черновик",
        "草稿", "초안", "下書き", "taslak", "مسودة",
    ),
    FINAL: (
        "final", "final answer", "final response", "final responses", "final answers",
        "final output", "final list", "final version", "final result", "final distribution",
        "final json", "revised", "revised answer", "corrected", "corrected answer",
        "corrected version", "endgültige antwort",
        "endgültig", "finale antwort", "respuesta final",
        "réponse finale", "risposta finale", "resposta final", "окончательный ответ",
        "итоговый ответ", "最终答案", "最終答案", "最终回答", "最終回答", "최종 답변", "최종 응답",
        "최종", "son cevap", "الإجابة النهائية",
    ),
    # Words that may stand beside a number without being a text.
    ABOUT: (
        "about", "approx", "approx.", "approximately", "around", "roughly", "circa", "ca", "ca.",
        "c.", "est", "est.", "estimated", "estimate",
        "nearly", "almost", "some", "of", "is", "with", "at", "or",
        "a", "an", "the", "=", "chance", "likely", "percent", "percentage", "per", "cent", "pct",
        "etwa", "ungefähr", "rund", "zirka", "geschätzt", "geschätzte", "mit", "von", "environ",
        "estimée", "de", "à", "avec", "une", "pour", "cent", "aprox", "aprox.", "aproximadamente",
        "estimada", "con", "una", "por", "ciento",
        "cerca", "circa", "stimata", "примерно", "около",
        "приблизительно", "yaklaşık", "تقريبا", "حوالي", "लगभग", "khoảng", "noin", "ok.",
        "około", "cirka", "ungefär", "ongeveer", "약", "대략", "約", "约", "大约", "大約", "およそ",
        "概算", "probable", "high", "low", "medium",
        "moderate", "very", "common", "rare", "typical",
        "model", "my", "verbalized", "relative", "prozent", "процентов", "процент", "процента",
        "예상", "추정", "估计", "推定", "out", "in", "implicit", "explicit", "tail",
    ),
}  # fmt: skip
"""Words by what they stand for, lower case. A word may stand for several."""


@cache
def words_of(*kinds: str) -> frozenset[str]:
    """Return all words of some kinds, lower case."""
    return frozenset(word for kind in kinds for word in VOCABULARY[kind])


_KINDS: dict[str, frozenset[str]] = {}
for _kind, _words in VOCABULARY.items():
    for _word in _words:
        _KINDS[_word] = _KINDS.get(_word, frozenset()) | {_kind}

_NOTHING: frozenset[str] = frozenset()
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PARTING = str.maketrans("_.-/", "    ")
LONGEST = 60
"""Characters of the longest label."""


@lru_cache(maxsize=4096)
def kind_of(label: str) -> frozenset[str]:
    """Return what a key, tag, label or header stands for; empty if it stands for nothing known.

    Case, ``snake_case`` and ``camelCase``, plurals and numbers at the end do not matter.
    """
    if len(label) > LONGEST:
        return _NOTHING
    label = label.strip().strip("*_`\"'“”:：").strip()
    plain = label.lower()
    found = _KINDS.get(plain)
    if found is not None:
        return found
    if plain != label:
        plain = _CAMEL.sub(" ", label).lower()
    parts = plain.translate(_PARTING).split()
    while len(parts) > 1 and parts[-1].isdigit():
        parts.pop()
    found = _KINDS.get(" ".join(parts))
    if found is not None:
        return found
    if not parts:
        return _NOTHING
    last = _one(parts[-1])
    first = _one(parts[0]) if len(parts) > 1 else last
    if PROBABILITY in last or (PROBABILITY in first and parts[1] in _VALUES):
        return _SUM if any(part in _SUMMING for part in parts) else _PROBABLE
    if len(parts) > 1 and len(parts) < 4:
        if WEAK in last:
            return _SUM if any(part in _SUMMING for part in parts) else _WEAKLY
        return last & _NAMING  # "response text", "joke", "answer_1"
    return first if len(parts) == 1 else _NOTHING


_SUM, _PROBABLE, _WEAKLY = frozenset((TOTAL,)), frozenset((PROBABILITY,)), frozenset((WEAK,))
_SUMMING = frozenset(
    ("total", "sum", "cumulative", "remaining", "threshold", "max", "min", "mass", "all", "average")
)
_VALUES = frozenset(
    ("estimate", "of", "value", "score", "percent", "percentage", "pct", "number", "est", "for",
     "in", "level", "range", "%", "(%)", "estimates", "this", "that", "given", "assigned", "p")
)  # fmt: skip
_NAMING = frozenset((TEXT, CANDIDATE, LIST, META, EXPLANATION))


def _one(word: str) -> frozenset[str]:
    """What one word stands for, its plural too, and with digits at its end."""
    word = word.rstrip("0123456789") or word
    found = _KINDS.get(word)
    if found is None and word.endswith("ies"):
        found = _KINDS.get(word[:-3] + "y")
    elif found is None and word.endswith("s"):
        found = _KINDS.get(word[:-1])
    return found or _NOTHING
