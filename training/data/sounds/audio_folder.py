"""Sound files in one folder per class: ROOT/train/CLASS/*.wav and ROOT/test/CLASS/*.wav, or ROOT/CLASS/*.wav."""

from functools import partial
from pathlib import Path

from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.files.file_groups import Groups
from torchferry.training.data.files.folder_split import split_by_folders, split_of_classes
from torchferry.training.data.sounds.sound_files import SoundFiles
from torchferry.training.data.sounds.sound_input import sound_input
from torchferry.training.data.sounds.sound_kind import SOUNDS
from torchferry.training.data.source import Source
from torchferry.training.data.varying_inputs import AudioInput


@checked
@takes_arguments_of(audio=sound_input)
def audio_folder(
    root: str,
    audio: AudioInput,
    train: str = "train",
    test: str = "test",
    test_fraction: float | None = None,
    split_seed: int = 0,
    group: str | None = None,
    suffixes: list[str] | None = None,
    limit: int | None = None,
    in_memory: bool = False,
) -> Source:
    """Sounds in class folders: ROOT/train/CLASS and ROOT/test/CLASS, or ROOT/CLASS with `test_fraction`.

    WAV, FLAC, OGG (Vorbis, Opus) and MP3. Classes are the sorted folder names. A file is taken for its name's ending,
    or for its first bytes where it has no sound's ending, and decoded by its content; what is left out is said.

    Args:
        root: The folder.
        train: The folder in `root` with the class folders to train on.
        test: The folder in `root` with those to test on.
        test_fraction: Share of the sounds, 0 to below 1, that is held out, by content alone, or by group: equal files
            are on one side, and none changes sides when others come or go. With 0 the test set is the training set.
        split_seed: Decides which ones.
        group: A regular expression with one part in parentheses, found in the path of a file below ROOT, which says
            what belongs together, such as the speaker of yes/anna_3.wav by ([^/_]+)_[^/]*$. Test set, validation part
            and folds then hold whole groups.
        suffixes: Endings of the files that are taken, such as [wav]; null goes by content.
        limit: Takes so many files of each split, evenly from the classes.
        in_memory: Decodes all files at the start; one that cannot be read then ends the run.
    """
    at_least(1, limit=limit)
    folder, groups = Path(root).expanduser(), Groups.by(group)
    if test_fraction is None:
        found = split_by_folders(folder, SOUNDS, train, test, suffixes, groups)
    else:
        found = split_of_classes(folder, SOUNDS, test_fraction, split_seed, suffixes, groups)
    return found.source(partial(SoundFiles, audio=audio), audio, limit, in_memory)
