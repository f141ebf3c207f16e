"""Small tokenizers, as files hold them."""

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

SENTENCES = ["free money, click here", "the meeting is at noon", "naïve ☃ offers"]


def bpe_file(*, around: bool = False, pad: bool = True) -> str:
    """tokenizer.json of bytes and a few pairs; [PAD] is 0. With `around`, [CLS] and [SEP] stand around a text."""
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = [*(["[PAD]"] if pad else []), "[CLS]", "[SEP]"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    library.train_from_iterator(SENTENCES * 5, trainer)
    if around:
        ends = [(name, library.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
        library.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return library.to_str()
