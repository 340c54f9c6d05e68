"""The audio of the sample: short computed melodies, so that the repository needs no recordings."""

import io
import math
import struct
import wave
from functools import cache
from random import Random

#: Samples per second. The audio is mono with 16 bits per sample.
RATE = 8000
_NOTE = RATE // 4
_PENTATONIC = (262.0, 294.0, 330.0, 392.0, 440.0, 523.0)


@cache
def melody(name: str, repeats: int = 1) -> bytes:
    """A WAV file of one to three seconds, ``repeats`` times. The tune depends on ``name`` only."""
    random = Random(name)
    tune = [random.choice(_PENTATONIC) for _ in range(random.randint(4, 12))]
    frames = b"".join(_note(frequency) for frequency in tune)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(frames * repeats)
    return file.getvalue()


@cache
def _note(frequency: float) -> bytes:
    """A quarter of a second of a tone (``frequency`` in Hz) that fades out: little-endian 16-bit samples."""
    samples = (int(12000 * (1 - at / _NOTE) * math.sin(2 * math.pi * frequency * at / RATE)) for at in range(_NOTE))
    return struct.pack(f"<{_NOTE}h", *samples)
