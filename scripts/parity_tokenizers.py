#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares our tokenizers with the Python package `tokenizers`: ids of 20,000 random and 20,000 real strings each,
with and without added tokens in the text, and the texts that ids decode to. One line a comparison; exit code 1 on
any difference.

    scripts/parity_tokenizers.py VRAGENT_BINARY [NAME ...]      only the tokenizers whose names hold one of the words

Needs `tokenizers`; for GPT-2's and CLIP's vocab.json + merges.txt also `transformers`, for SentencePiece models that,
`sentencepiece` and `protobuf`. Published vocabularies and real strings are read from $VRAGENT_SHARED/data (or
../shared/data) and never kept; what is absent is named and left out.
"""
import gzip
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("VRAGENT_SHARED", ROOT.parent / "shared")) / "data"
COUNT = 20_000
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
         r"\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
RANGES = [(0x20, 0x7E)] * 8 + [
    (0x00, 0x1F), (0x80, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
    (0x530, 0x5FF), (0x600, 0x6FF), (0x700, 0x8FF), (0x900, 0xDFF), (0xE00, 0xEFF), (0x1000, 0x109F), (0x1100, 0x11FF),
    (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x218F), (0x2190, 0x2BFF), (0x3000, 0x30FF), (0x3130, 0x318F),
    (0x3200, 0x33FF), (0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFE6F),
    (0xFF00, 0xFFFD), (0x1D400, 0x1D7FF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0xE0000, 0xE007F)]
FRAGMENTS = [" ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", "\u00a0", "\u3000", "\u200d", "\ufe0f", "'s", "'LL", "'\u017f",
             "don't", "I'm", "2024", "12345678", "3.14", "...", "!!", "<|", "|>", "</s>", "<s>", "<unk>", "[SEP]", "[MASK]",
             "<mask>", "<pad>", "<|im_end|>", "<|endoftext|>", "<extra_id_7>", "<0x41>", "##ing", "\u2581", "</w>",
             "\u0120the", "e\u0301", "\u00e9", "\ufb01", "\uff21\uff22", "\u00bd", "\u2460", "\u1112\u1161\u11ab",
             "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea\U0001f1eb", "\U0001f44d\U0001f3fd",
             "the ", "and ", " video", "Why", "HELLO", "hello world", "\u4f60\u597d", "\u043f\u0440\u0438\u0432\u0435\u0442",
             "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0645\u0631\u062d\u0628\u0627", "\u0928\u092e\u0938\u094d\u0924\u0947",
             "\u00b2\u0301", "\u0130stanbul", "\u03a3\u03a3", "\u00df", "x" * 120]


def random_string(draw):
    parts = []
    for _ in range(draw.randrange(1, 14)):
        kind = draw.random()
        if kind < 0.45:
            parts.append(draw.choice(FRAGMENTS))
        elif kind < 0.75:
            low, high = draw.choice(RANGES)
            parts.append("".join(chr(draw.randint(low, high)) for _ in range(draw.randrange(1, 6))))
        elif kind < 0.9:
            parts.append("".join(draw.choice("abcdefghijklmnopqrstuvwxyzABC 0123456789'-.,") for _ in range(draw.randrange(1, 12))))
        else:
            parts.append(chr(draw.choice([draw.randint(0, 0xD7FF), draw.randint(0xE000, 0x10FFFF)])))
    return "".join(parts)


def shared(name):
    path = DATA / name
    if not path.exists():
        print(f"SKIPPED: {path} is not there", flush=True)
        return None
    return path


def real_strings():
    """Titles and naughty strings; lines of this project fill up what is missing."""
    strings = []
    if (path := shared("microlens-50k/MicroLens-50k_titles.csv")):
        import csv
        with open(path, encoding="utf-8", newline="") as file:
            strings += [row[1] for row in csv.reader(file)][1:]
    if (path := shared("dirty/blns.json")):
        strings += json.loads(path.read_text(encoding="utf-8"))
    for path in project_files():
        strings += path.read_text(encoding="utf-8").splitlines()
    return strings[:COUNT]


def project_files():
    return sorted(p for top in ("src", "include", "tests", "scripts") for p in (ROOT / top).rglob("*")
                  if p.suffix in {".cpp", ".h", ".py"}) + [ROOT / "README.md"]


def training_lines():
    draw = random.Random(7)
    lines = [line for path in project_files() for line in path.read_text(encoding="utf-8").splitlines()]
    return lines + [random_string(draw) for _ in range(100)] + FRAGMENTS * 3


# ---- the tokenizers ----------------------------------------------------------------------------------------------

def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def byte_level_bpe(split, normalizer=None, ignore_merges=False, prefix_space=False, use_regex=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space, use_regex=split is None or use_regex)
    tokenizer.pre_tokenizer = level if split is None else pre_tokenizers.Sequence([split, level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    tokenizer.train_from_iterator(training_lines(), trainer)
    tokenizer.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("Video", normalized=True),
                          AddedToken("the cat", single_word=True), AddedToken("<mask>", lstrip=True, rstrip=True)])
    return tokenizer


def isolated(regex):
    return pre_tokenizers.Split(Regex(regex), behavior="isolated")


def gpt2():
    return byte_level_bpe(None)


def roberta():
    tokenizer = byte_level_bpe(None, prefix_space=True)
    end = tokenizer.token_to_id("<|endoftext|>")
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", end), ("<|endoftext|>", end))
    return tokenizer


def llama3():
    tokenizer = byte_level_bpe(isolated(LLAMA3), ignore_merges=True)
    start = ("<|im_start|>", tokenizer.token_to_id("<|im_start|>"))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|im_start|> $A", special_tokens=[start])])
    return tokenizer


def smollm2():
    return byte_level_bpe(pre_tokenizers.Digits(individual_digits=True), use_regex=True)


def qwen2_trained():
    return byte_level_bpe(isolated(QWEN2), normalizers.NFC())


def lower_case_bpe():
    return byte_level_bpe(isolated(QWEN2), normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]))


def llama2():
    """Characters instead of bytes, which are what it falls back to."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=3000, special_tokens=["<unk>", "<s>", "</s>"] + bytes_, show_progress=False,
                                  limit_alphabet=500)
    tokenizer.train_from_iterator([word for line in training_lines() for word in line.split()], trainer)
    model = json.loads(tokenizer.to_str())
    model["added_tokens"] = model["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(model))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(content=" ", left=1)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def llama2_new():
    tokenizer = llama2()
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    model = json.loads(tokenizer.to_str())
    model["normalizer"] = None
    return Tokenizer.from_str(json.dumps(model))


def wordpiece(lower=True):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=3000, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
                                        show_progress=False)
    tokenizer.train_from_iterator(training_lines(), trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def wordpiece_cased():
    return wordpiece(lower=False)


def wordpiece_other_splits():
    tokenizer = wordpiece()
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()])
    return tokenizer


def unigram(scheme="always", split=True, normalizer=None, byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram())
    metaspace = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    tokenizer.pre_tokenizer = metaspace
    if normalizer:
        tokenizer.normalizer = normalizer
    extra = [f"<0x{i:02X}>" for i in range(256)] if byte_fallback else []
    trainer = trainers.UnigramTrainer(vocab_size=4000, special_tokens=["<unk>", "<s>", "</s>"] + extra, unk_token="<unk>",
                                      show_progress=False, initial_alphabet=[])
    tokenizer.train_from_iterator(training_lines(), trainer)
    description = json.loads(tokenizer.to_str())
    first = ["<unk>", "<s>", "</s>", *extra]  # the trainer leaves special tokens where other pieces are, too
    pieces = [[name, 0.0] for name in first] + [p for p in description["model"]["vocab"] if p[0] not in first]
    description["model"].update(vocab=pieces, unk_id=0, byte_fallback=byte_fallback)
    description["added_tokens"] = []
    tokenizer = Tokenizer.from_str(json.dumps(description))
    tokenizer.add_special_tokens(special(*first[:3]))
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
    if byte_fallback:
        tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken("Video", normalized=True), AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def unigram_spaces():
    return unigram("first", True, normalizers.Sequence([
        normalizers.NFKC(), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "\u2581")]))


def unigram_whole():
    return unigram("never", False, normalizers.Replace(Regex(r"\s+"), " "))


def unigram_bytes():
    return unigram("always", True, None, True)


def clip():
    path = shared("tokenizers/clip/bpe_simple_vocab_16e6.txt.gz")
    if not path:
        return None
    merges = [tuple(line.split()) for line in gzip.open(path, "rt", encoding="utf-8").read().split("\n")[1:48895]]
    table = {}
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = [chr(b) for b in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    table = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(table, merges, unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(CLIP), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special("<|startoftext|>", "<|endoftext|>"))
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", 49407), ("<|startoftext|>", 49406), False, False)
    return tokenizer


def qwen25():
    folder = shared("tokenizers/qwen2.5")
    if not folder:
        return None
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        isolated(QWEN2), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    added = json.loads((folder / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    for _, token in sorted(added.items(), key=lambda item: int(item[0])):
        entry = AddedToken(token["content"], special=token["special"], normalized=False)
        (tokenizer.add_special_tokens if token["special"] else tokenizer.add_tokens)([entry])
    return tokenizer


def bert():
    path = shared("tokenizers/bert-base-uncased/vocab.txt")
    if not path:
        return None
    tokenizer = Tokenizer(models.WordPiece.from_file(str(path), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(special("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    return tokenizer


MADE = [gpt2, roberta, llama3, smollm2, qwen2_trained, lower_case_bpe, llama2, llama2_new, wordpiece, wordpiece_cased,
        wordpiece_other_splits, unigram, unigram_spaces, unigram_whole, unigram_bytes, clip, qwen25, bert]


def sentencepiece_folders(work):
    """XLM-R and T5 folders around models trained here: what transformers make of them, and of the .model itself."""
    try:
        import sentencepiece
        import transformers
    except ImportError as error:
        print(f"SKIPPED: SentencePiece models ({error})", flush=True)
        return
    lines = work / "lines.txt"
    lines.write_text("\n".join(line.replace("\n", " ").replace("\0", "") for line in training_lines()), encoding="utf-8")
    kinds = {"xlmr": ("sentencepiece.bpe.model", "XLMRobertaTokenizer", dict(user_defined_symbols=["<ctx>"])),
             "t5": ("spiece.model", "T5Tokenizer", dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1))}
    for name, (file, kind, options) in kinds.items():
        folder = work / f"{name}-model"
        folder.mkdir()
        prefix = str(folder / "made")
        sentencepiece.SentencePieceTrainer.train(input=str(lines), model_prefix=prefix, vocab_size=4000, minloglevel=2,
                                                 character_coverage=0.98, hard_vocab_limit=False, **options)
        (folder / "made.vocab").unlink()
        os.rename(prefix + ".model", folder / file)
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
        (folder / "config.json").write_text(json.dumps({"model_type": {"xlmr": "xlm-roberta"}.get(name, name)}))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer
        yield f"{name} .model", tokenizer, folder
        as_json = work / f"{name}-json"
        as_json.mkdir()
        tokenizer.save(str(as_json / "tokenizer.json"))
        yield f"{name} tokenizer.json", tokenizer, as_json


def old_layout(work, name, tokenizer):
    """A GPT-2 or CLIP folder without tokenizer.json, with what little their published files say: what transformers make
    of it. The token that ends a text stands in the vocabulary alone."""
    try:
        import transformers
    except ImportError as error:
        print(f"SKIPPED: vocab.json and merges.txt of {name} ({error})", flush=True)
        return
    folder = work / f"{name}-files"
    folder.mkdir()
    tokenizer.model.save(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    vocab.setdefault("<|endoftext|>", len(vocab))
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    config = {"model_max_length": 1024} if name == "gpt2" else {"tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"model_type": name}))
    yield f"{name} vocab.json", transformers.AutoTokenizer.from_pretrained(folder).backend_tokenizer, folder


def folders(work, is_wanted):
    for make in MADE:
        if not is_wanted(make.__name__) or (tokenizer := make()) is None:
            continue
        folder = work / make.__name__
        folder.mkdir()
        tokenizer.save(str(folder / "tokenizer.json"))
        yield make.__name__, tokenizer, folder
        if make in (gpt2, clip):
            yield from old_layout(work, make.__name__, tokenizer)
        if make is qwen25:
            yield "qwen25 vocab.json", tokenizer, DATA / "tokenizers/qwen2.5"
        if make is bert:
            yield "bert vocab.txt", tokenizer, DATA / "tokenizers/bert-base-uncased"
    if is_wanted("xlmr") or is_wanted("t5"):
        yield from sentencepiece_folders(work)


# ---- the comparison ----------------------------------------------------------------------------------------------

def ours(binary, folder, values, *flags):
    """What `inspect tokenize` makes of a JSON value a line: ids of texts, or with --decode the texts of ids."""
    kind = [] if "--decode" in flags else ["--json-lines"]
    lines = "\n".join(json.dumps(value) for value in values) + "\n"
    done = subprocess.run([binary, "inspect", "tokenize", "--model", str(folder), *kind, *flags], input=lines,
                          text=True, encoding="utf-8", capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{folder}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def report(name, what, inputs, got, wanted):
    wrong = [i for i in range(len(wanted)) if got[i] != wanted[i]]
    print(f"{name:24} {what:44} {len(wanted):6} compared, {len(wrong)} different", flush=True)
    for i in wrong[:3]:
        print(f"    {inputs[i]!r}\n      ours   {got[i]}\n      theirs {wanted[i]}", flush=True)
    return len(wrong)


def control_ids(tokenizer):
    return {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}


def compare(binary, name, tokenizer, folder, texts):
    wrong = 0
    unknown = tokenizer.token_to_id(getattr(tokenizer.model, "unk_token", None) or "<unk>")
    for kind, strings in texts.items():
        theirs = [e.ids for e in tokenizer.encode_batch(strings, add_special_tokens=True)]
        got = ours(binary, folder, strings, "--match-special")
        wrong += report(name, f"{kind}: ids, added tokens matched", strings, got, theirs)
        bare = [e.ids for e in tokenizer.encode_batch(strings, add_special_tokens=False)]
        got = ours(binary, folder, strings, "--no-special", "--match-special")
        wrong += report(name, f"{kind}: ids without a frame", strings, got, bare)
        got = ours(binary, folder, strings, "--no-special")
        forged = [bool(control_ids(tokenizer) - {unknown} & set(ids)) for ids in got]
        wrong += report(name, f"{kind}: control tokens that text forms", strings, forged, [False] * len(strings))
        for flag, skip in (("--skip-special", True), ("--no-skip-special", False)):
            got = ours(binary, folder, theirs, "--decode", flag)
            decoded = tokenizer.decode_batch(theirs, skip_special_tokens=skip)
            if name.startswith("clip"):  # the package leaves the ends of words in the text; transformers do this
                decoded, got = [t.replace("</w>", " ").strip() for t in decoded], [t.strip() for t in got]
            wrong += report(name, f"{kind}: text of ids, {flag[2:]}", theirs, got, decoded)
    return wrong


def main():
    binary, names = os.path.abspath(sys.argv[1]), sys.argv[2:]

    def is_wanted(name):
        return not names or any(word in name for word in names)

    draw = random.Random(1)
    texts = {"random": [random_string(draw) for _ in range(COUNT)], "real": real_strings()}
    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        for name, tokenizer, folder in folders(pathlib.Path(work), is_wanted):
            wrong += compare(binary, name, tokenizer, folder, texts)
    print(f"tokenizers: {wrong} differences", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
