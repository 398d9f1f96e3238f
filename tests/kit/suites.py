"""Suites over broken encoders. ``fails`` names every check that must fail, with a part of what it must say.

``tests/test_testing.py`` runs this file in a pytest of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from seqsave.specs import Option
from seqsave.testing import EncoderSuite
from seqsave.types import Decoded
from tests.kit import TINY
from tests.kit.codec import foreign

if TYPE_CHECKING:
    from collections.abc import Mapping


SMALL = replace(TINY, dtypes=("uint8",), channels=(3,))


def broken(name: str, **changes: Any) -> Any:
    """The sound declaration with another encoder, fewer kinds of pictures, and whatever else changes."""
    return replace(SMALL, encoder=f"tests.kit.codec:{name}", **changes)


class Full(EncoderSuite):
    declarations = "tests.kit"
    fails: ClassVar[Mapping[str, str]] = {}
    may_fail: ClassVar[tuple[str, ...]] = ()  # follows from the same sin, for some pictures or at some times


class Quick(Full):
    """Without the checks that start interpreters: their turn is in suites of their own."""

    test_deterministic = None  # type: ignore[assignment]
    test_declarations_import_nothing_heavy = None  # type: ignore[assignment]
    test_hook_returns_the_declaration = None  # type: ignore[assignment]
    test_installed = None  # type: ignore[assignment]
    test_large_pictures_take_no_memory = None  # type: ignore[assignment]


class TestSound(Full):
    spec = TINY
    lossless_options = {"exact": True}
    decoders = {"foreign": foreign}
    signature = b"TINY"


class Declared(Quick):
    test_declarations_import_nothing_heavy = EncoderSuite.test_declarations_import_nothing_heavy  # type: ignore[assignment]
    test_hook_returns_the_declaration = EncoderSuite.test_hook_returns_the_declaration  # type: ignore[assignment]


class Installed(Quick):
    test_installed = EncoderSuite.test_installed  # type: ignore[assignment]


class Elsewhere(Quick):
    test_deterministic = EncoderSuite.test_deterministic  # type: ignore[assignment]


class Large(Quick):
    test_large_pictures_take_no_memory = EncoderSuite.test_large_pictures_take_no_memory  # type: ignore[assignment]


# --- declarations


class TestHeavy(Declared):
    spec = TINY
    declarations = "tests.kit.heavy"
    fails = {"test_declarations_import_nothing_heavy": "also imports numpy"}


class TestEager(Declared):
    spec = TINY
    declarations = "tests.kit.eager"
    fails = {"test_declarations_import_nothing_heavy": "tests.kit.codec"}


class TestHookless(Declared):
    spec = SMALL
    declarations = "tests.kit.hookless"
    fails = {"test_hook_returns_the_declaration": "has no function seqsave_encoders"}


class TestUnmarked(Declared):
    spec = SMALL
    declarations = "tests.kit.unmarked"
    fails = {"test_hook_returns_the_declaration": "has no @seqsave.hookimpl"}


class TestSingle(Declared):
    spec = SMALL
    declarations = "tests.kit.single"
    fails = {"test_hook_returns_the_declaration": "it must be a list"}


class TestForgetful(Declared):
    spec = TINY
    declarations = "tests.kit.forgetful"
    fails = {"test_hook_returns_the_declaration": "does not return this suite's spec"}


class TestMissingModule(Declared):
    spec = SMALL
    declarations = "tests.kit.nowhere"
    fails = {
        "test_declarations_import_nothing_heavy": "No module named",
        "test_hook_returns_the_declaration": "No module named",
    }


# --- what is installed; tests/test_testing.py installs TINY, and "twice" two times


class TestNotInstalled(Installed):
    spec = replace(TINY, filetype="rare", extensions=("rare",))
    fails = {"test_installed": "'rare' cannot be saved as installed: known file types: png with embedded workflow, png"}


class TestInstalledTwice(Installed):
    spec = replace(TINY, filetype="twice", extensions=("twice",))
    fails = {"test_installed": "claimed by tiny-one and tiny-two: uninstall one"}


class TestInstalledBefore(Installed):
    """What is installed is not what is tested."""

    spec = SMALL
    fails = {"test_installed": "tiny has another declaration of it: install the tested version again"}


class TestInstalledInPart(Installed):
    """Its declarations are there, and what the encoder needs is not."""

    spec = replace(TINY, filetype="partial", extensions=("partial",), encoder="tests.kit.partial:PartialEncoder")
    fails = {"test_installed": "cannot be imported: No module named 'no_such_backend'"}


# --- declarations again


class TestUnsound(Quick):
    spec = replace(SMALL, extensions=(".tiny",))
    fails = {"test_declaration": "without a dot"}


class TestUndeclaredLossless(Quick):
    spec = SMALL
    lossless_options = {"lossless": True}
    fails = {"test_declaration": "['lossless'] are not declared"}


class TestWantsArguments(Quick):
    spec = broken("WantsArguments")
    fails = {"test_declaration": "must be a class to call without arguments"}
    may_fail = ("test_",)


class TestOldSignature(Quick):
    spec = broken("OldSignature")
    fails = {"test_declaration": "encode must take", "test_round_trip": ""}
    may_fail = ("test_",)


class TestOldDecode(Quick):
    spec = broken("OldDecode")
    fails = {"test_declaration": "decode must take"}
    may_fail = ("test_",)


class TestNoEncode(Quick):
    spec = broken("NoEncode")
    fails = {"test_declaration": "must have a method encode"}
    may_fail = ("test_",)


# --- pixels


class TestLastRowLost(Quick):
    spec = broken("LastRowLost")
    fails = {
        "test_round_trip": "its shape (H, W, C) is",
        "test_option_values": "comes back as",
        "test_max_pixels": "with max_pixels=220",
    }


class TestAlphaDropped(Quick):
    spec = broken("AlphaDropped", channels=(3, 4))
    fails = {"test_round_trip": "is (33, 65, 3), not (33, 65, 4)"}


class TestAlphaDroppedOnPurpose(Quick):
    spec = broken("AlphaDropped", channels=(3, 4))
    decoders = {"foreign": foreign}

    def expected(self, image: Any) -> Any:
        return image[..., :3]


class TestChannelsSwapped(Quick):
    spec = broken("ChannelsSwapped")
    fails = {"test_round_trip": "values differ, the first at (y, x, c) (0, 0, 0)"}


class TestFloatsClipped(Quick):
    spec = broken("FloatsClipped", dtypes=("float32",))
    fails = {"test_round_trip": "values differ", "test_special_values": "-1.5 is 0.0"}


class TestNansReplaced(Quick):
    spec = broken("NansReplaced", dtypes=("float32",))
    fails = {"test_special_values": "nan is 0.0"}


class TestInfinitiesClipped(Quick):
    spec = broken("InfinitiesClipped", dtypes=("float32",))
    fails = {"test_special_values": "inf is 3.4028235e+38, -inf is -3.4028235e+38"}


class TestZerosLoseTheirSign(Quick):
    spec = broken("ZerosLoseTheirSign", dtypes=("uint8", "float16"))
    fails = {"test_special_values": "-0.0 is 0.0"}


class TestTinyNumbersLost(Quick):
    spec = broken("TinyNumbersLost", dtypes=("float32",))
    fails = {"test_special_values": "1e-45 is 0.0"}


class TestNansRefused(Quick):
    """Also a lossy format has to take them."""

    spec = broken("NansRefused", dtypes=("float32",), lossless=False)
    fails = {"test_special_values": "not a number"}


class TestForeignReaderOfNans(Quick):
    spec = replace(SMALL, dtypes=("float32",))
    decoders = {"others": lambda data: np.nan_to_num(foreign(data), posinf=np.inf, neginf=-np.inf)}
    fails = {"test_special_values": "as others reads it, nan is 0.0"}


class TestTallPicturesFail(Quick):
    spec = broken("TallPicturesFail")
    fails = {"test_round_trip[uint8-3ch-3x257-default]": "its shape (H, W, C) is (256, 3, 3)"}


class TestOneDtypeFails(Quick):
    spec = broken("OneDtypeFails", dtypes=("uint8", "uint16"))
    fails = {"test_round_trip[uint16-3ch-1x1-default]": "unsupported dtype uint16"}
    may_fail = ("test_round_trip", "test_input_untouched", "test_option_values", "test_signature")


class TestLowBitsLost(Quick):
    spec = broken("LowBitsLost")
    fails = {"test_round_trip": "values differ"}


class TestFourLevels(Quick):
    spec = broken("FourLevels", lossless=False)
    fails = {"test_round_trip": "dB, less than 40"}


class TestNotExact(Quick):
    """Lossy within bounds, and no better with the options that should make it exact."""

    spec = broken("LowBitsLost", lossless=False)
    lossless_options = {"exact": True}
    fails = {"test_round_trip": "values differ"}


class TestLossyIsFine(Quick):
    spec = broken("LowBitsLost", lossless=False)


class TestOddWidthsFail(Quick):
    spec = broken("OddWidthsFail")
    fails = {"test_round_trip": "odd width"}
    may_fail = ("test_",)


class TestDecodesDoubles(Quick):
    spec = broken("DecodesDoubles")
    fails = {"test_round_trip": "its dtype is <f8, not"}


class TestDecodesForeignOrder(Quick):
    spec = broken("DecodesForeignOrder", dtypes=("uint16",))
    fails = {"test_round_trip": "its dtype is >"}


class TestDecodesLists(Quick):
    spec = broken("DecodesLists")
    fails = {"test_result": "decode returned ndarray, not seqsave.Decoded"}
    may_fail = ("test_",)


class TestForeignDisagrees(Quick):
    spec = SMALL
    decoders = {"mirror": lambda data: foreign(data)[::-1]}
    fails = {"test_foreign_decoders": "as mirror reads it"}


class TestCannotRead(Quick):
    spec = broken("CannotRead")
    fails = {"test_round_trip": "override read()"}
    may_fail = ("test_",)


class TestReadsElsewhere(Quick):
    """No ``decode``, and that is fine where the suite brings a reader."""

    spec = broken("CannotRead", metadata="none")

    def read(self, data: bytes) -> Decoded:
        array = foreign(data)
        return Decoded(array=np.array(array if array.ndim == 3 else array[..., None]))


# --- results


class TestReturnsBytes(Quick):
    spec = broken("ReturnsBytes")
    fails = {"test_result": "encode returned bytes, not seqsave.Encoded"}
    may_fail = ("test_",)


class TestReturnsNothing(Quick):
    spec = broken("ReturnsNothing")
    fails = {"test_result": "and not empty"}
    may_fail = ("test_",)


class TestWarnsWithText(Quick):
    spec = broken("WarnsWithText")
    fails = {"test_result": "must be a tuple of text"}


class TestLeavesNumbers(Quick):
    spec = broken("LeavesNumbers")
    fails = {
        "test_result": "leftover is {'seed': 7}: it must map text to text",
        "test_metadata": "not passed to encode: ['seed']",
        "test_small_metadata_is_embedded": "['seed'] is left over",
    }
    may_fail = ("test_frame_info",)


class TestDated(Elsewhere):
    spec = broken("Dated")
    fails = {"test_deterministic": "another file the second time"}
    may_fail = ("test_threads", "test_input_untouched", "test_results_stay", "test_frame_info")


class TestHashed(Elsewhere):
    spec = broken("Hashed")
    fails = {"test_deterministic": "another file in another process"}


class TestFirstIsSpecial(Elsewhere):
    spec = broken("FirstIsSpecial")
    fails = {
        "test_deterministic": "another file the second time",
        "test_threads": "the files differ",
    }


# --- what is known of a frame


class TestTotalWanted(Quick):
    spec = broken("TotalWanted")
    fails = {"test_frame_info[3ch-least]": "unsupported operand"}


class TestCodesOfColor(Quick):
    spec = broken("CodesOfColor")
    fails = {"test_frame_info[3ch-color acescg]": "", "test_frame_info[3ch-color aces2065-1]": ""}


class TestColorConverted(Quick):
    spec = broken("ColorConverted")
    fails = {"test_frame_info[3ch-color linear-srgb]": "values differ"}
    may_fail = ("test_frame_info",)


class TestWholeDensity(Quick):
    spec = broken("WholeDensity")
    fails = {"test_frame_info[3ch-299.99 dpi]": "required argument is not an integer"}
    may_fail = ("test_frame_info",)


class TestTagsInAscii(Quick):
    spec = broken("TagsInAscii")
    fails = {
        "test_frame_info[3ch-artist]": "can't encode",
        "test_frame_info[3ch-copyright]": "can't encode",
        "test_frame_info[3ch-description]": "can't encode",
        "test_frame_info[3ch-most]": "can't encode",
    }


class TestTagsInsteadOfMetadata(Quick):
    spec = broken("TagsInsteadOfMetadata")
    fails = {"test_frame_info[3ch-software]": "metadata 'prompt' is None"}
    may_fail = ("test_frame_info",)


class TestTagsDated(Quick):
    spec = broken("TagsDated")
    fails = {"test_frame_info[3ch-artist]": "another file the second time"}
    may_fail = ("test_frame_info",)


class TestChangesInput(Quick):
    spec = broken("ChangesInput")
    fails = {"test_input_untouched": "encode changed the picture"}
    may_fail = ("test_",)


class TestNeedsToWrite(Quick):
    spec = broken("NeedsToWrite")
    fails = {"test_input_untouched": "a read-only picture cannot be encoded"}


class TestSharedBuffer(Quick):
    spec = broken("SharedBuffer")
    fails = {"test_results_stay": "it shares memory"}
    may_fail = ("test_threads",)


class TestKeepsItsBuffer(Quick):
    spec = broken("KeepsItsBuffer")
    fails = {"test_results_stay": "it shares memory"}


class TestAliasesInput(Quick):
    spec = broken("AliasesInput")
    fails = {"test_results_stay": "it shares memory"}
    may_fail = ("test_",)


class TestNotForThreads(Quick):
    spec = broken("NotForThreads")
    fails = {"test_threads": "8 threads with one encoder: the files differ"}


# --- metadata and options


class TestMetadataLost(Quick):
    spec = broken("MetadataLost")
    fails = {"test_metadata": "'workflow' is lost", "test_option_values": "['prompt', 'workflow'] is lost"}


class TestMetadataInAscii(Quick):
    spec = broken("MetadataInAscii")
    fails = {"test_metadata[emoji]": "??", "test_metadata[awkward texts]": "?"}


class TestMetadataCutOff(Quick):
    spec = broken("MetadataCutOff")
    fails = {
        "test_metadata[100 KB workflow]": "(65533 characters)",
        "test_metadata[3 MB workflow]": "(65533 characters)",
    }


class TestMetadataOfAFew(Quick):
    spec = broken("MetadataOfAFew")
    fails = {"test_metadata[many names]": "'key_30' is lost", "test_metadata[awkward names]": "is lost"}


class TestMetadataStripped(Quick):
    spec = broken("MetadataStripped")
    fails = {"test_metadata[verbatim]": "trailing space'", "test_metadata[awkward texts]": "'blank' is ''"}


class TestNamesTrimmed(Quick):
    spec = broken("NamesTrimmed")
    fails = {"test_metadata[awkward names]": "'' is '\"1\"', not '\"0\"'"}


class TestNamesOfItsOwn(Quick):
    spec = broken("NamesOfItsOwn")
    fails = {"test_metadata[awkward names]": "'shape' is lost"}


class TestLinesEndedAnew(Quick):
    spec = broken("LinesEndedAnew")
    fails = {"test_metadata[awkward texts]": "not '"}


class TestHalfPairsFail(Quick):
    spec = broken("HalfPairsFail")
    fails = {"test_metadata[awkward texts]": "surrogates not allowed"}


class TestMegabytesFail(Quick):
    spec = broken("MegabytesFail")
    fails = {"test_metadata[3 MB workflow]": "more than fits"}


class TestMetadataInvented(Quick):
    spec = broken("MetadataInvented")
    fails = {"test_metadata": "not passed to encode: ['software']"}


class TestMetadataBeside(Quick):
    spec = broken("MetadataBeside")
    fails = {"test_small_metadata_is_embedded": "['prompt', 'workflow'] is left over"}


class TestMetadataInPixels(Quick):
    spec = broken("MetadataInPixels")
    fails = {"test_metadata": "metadata changes the pixels"}


class TestMetadataAtLevelZero(Quick):
    spec = broken("MetadataAtLevelZero")
    fails = {"test_option_values": "with level=0, metadata ['prompt', 'workflow'] is lost"}


class TestLevelNineFails(Quick):
    spec = broken("LevelNineFails")
    fails = {"test_option_values": "level 9 was built without"}


class TestLevelNineRefused(Quick):
    spec = broken("LevelNineRefused")
    fails = {"test_option_values": "level=9 is declared as allowed"}


class TestNoBounds(Quick):
    spec = replace(SMALL, options=dict(TINY.options) | {"level": Option(type=int, default=1, help="forgot the bounds")})
    fails = {"test_option_values": "Bad compression level"}


class TestCommentsRefused(Quick):
    spec = broken("CommentsRefused")


class TestCommentsFail(Quick):
    spec = broken("CommentsFail")
    fails = {"test_option_values": "UnicodeEncodeError"}


class TestHalfSizeOption(Quick):
    spec = broken("HalfSizeOption")
    fails = {"test_option_values": "exact=False"}


# --- reading damaged files


class TestNoLimit(Quick):
    spec = broken("NoLimit")
    fails = {"test_max_pixels": "with max_pixels=220"}


class TestLimitTooTight(Quick):
    spec = broken("LimitTooTight")
    fails = {"test_max_pixels": "more pixels than allowed"}


class TestNoChecks(Quick):
    spec = broken("NoChecks")
    fails = {"test_truncated_data": "", "test_damaged_data": ""}


class TestFillsUp(Quick):
    spec = broken("FillsUp")
    fails = {"test_truncated_data": "bytes are decoded"}


class TestLastByteIgnored(Quick):
    spec = broken("LastByteIgnored")
    fails = {"test_truncated_data": "decoded as another picture"}


class TestTakesAnything(Quick):
    spec = broken("TakesAnything")
    fails = {"test_damaged_data": "decode accepts b'not a picture"}


class TestGrowsWhenDamaged(Quick):
    spec = broken("GrowsWhenDamaged")
    fails = {"test_damaged_data": "larger than max_pixels"}


class TestDamageIsAnError(Quick):
    spec = broken("NoChecks")
    fails = {"test_damaged_data": "decode must catch it and raise DecodeError", "test_truncated_data": "must catch it"}


class TestAllocatesFirst(Large):
    spec = broken("AllocatesFirst")
    fails = {"test_large_pictures_take_no_memory": "read width and height from the header"}


class TestCrashesOnLarge(Large):
    spec = broken("CrashesOnLarge")
    fails = {"test_large_pictures_take_no_memory": "end in MemoryError: the backend's own limit"}


class TestWrongSignature(Quick):
    spec = broken("WrongSignature")
    fails = {"test_signature": "starts like a .gif file"}


class TestKnownSignature(Quick):
    """Called a PNG, and none."""

    spec = replace(SMALL, extensions=("png",))
    fails = {"test_signature": "a .png file must start with"}


class TestOwnSignature(Quick):
    spec = SMALL
    signature = b"TINY2"
    fails = {"test_signature": "b'TINY2'"}
