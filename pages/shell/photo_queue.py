"""The line of photos: one thread answers for all visitors, a few photos at a time."""

import dataclasses
import threading
import weakref
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from core.faces import FaceDetector
from core.language import language, speaking
from core.plots.predict import draw_faces
from core.predictor import PhotoResult, Predictor, Upload, predict_uploads

# Photos that are answered together: more would let the first of them wait for the last.
TOGETHER = 4


@dataclass(frozen=True)
class Question:
    """What is asked of a photo.

    Parameters
    ----------
    upload : Upload
    predictor : Predictor
    detector : FaceDetector or None
        None takes every picture for one aligned face.
    mirrored : bool
        Whether answers are averaged with those to the mirror image.
    spoken : str
        The language of what is said about the photo.
    """

    upload: Upload
    predictor: Predictor
    detector: FaceDetector | None
    mirrored: bool
    spoken: str = field(default_factory=language)

    def goes_with(self, other: "Question") -> bool:
        """Whether both may be answered in one batch."""
        return (
            self.predictor is other.predictor
            and self.detector is other.detector
            and (self.mirrored, self.spoken) == (other.mirrored, other.spoken)
        )


@dataclass(eq=False)
class Ticket:
    """A photo's place in the line, and then its result; made by ``Line.join``.

    The visitor's session keeps it. The line does not: a photo that was taken away, or
    whose session has ended, is forgotten unanswered.
    """

    question: Question
    order: tuple[int, int]
    _ended: threading.Event = field(default_factory=threading.Event)
    _result: PhotoResult | None = None
    _error: Exception | None = None

    @property
    def has_ended(self) -> bool:
        """Whether there is a result, or a reason why there is none."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait no longer than that; say whether it has ended."""
        return self._ended.wait(seconds)

    def result(self) -> PhotoResult:
        """What came; its picture is downsized, and its faces are boxed.

        Raises
        ------
        Exception
            What kept the models from answering.
        """
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def end(
        self, result: PhotoResult | None = None, error: Exception | None = None
    ) -> None:
        """Note what came of it, and wake up whoever waits."""
        self._result, self._error = result, error
        self._ended.set()


class Line:
    """Photos that wait, of all visitors in turn; a thread runs while there are some."""

    def __init__(self) -> None:
        self._waiting: list[weakref.ref[Ticket]] = []
        self._turns: dict[Hashable, int] = {}
        self._turn = 0
        self._count = 0
        self._is_running = False
        self._lock = threading.Lock()

    def join(self, question: Question, visitor: Hashable) -> Ticket:
        """Queue a photo: the first one of a visitor before the second of another."""
        with self._lock:
            turn = max(self._turn, self._turns.get(visitor, 0)) + 1
            self._turns[visitor] = turn
            self._count += 1
            ticket = Ticket(question, (turn, self._count))
            self._waiting.append(weakref.ref(ticket))
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, daemon=True).start()
        return ticket

    def photos_before(self, ticket: Ticket) -> int:
        """How many photos that wait are answered before this one."""
        with self._lock:
            return sum(each.order < ticket.order for each in self._in_order())

    def _in_order(self) -> list[Ticket]:
        """Photos that somebody still waits for, the next one first."""
        kept = [ticket for each in self._waiting if (ticket := each()) is not None]
        self._waiting = [weakref.ref(ticket) for ticket in kept]
        return sorted(kept, key=lambda ticket: ticket.order)

    def _take(self) -> list[Ticket]:
        """The next photos that can be answered together; none ends the thread."""
        with self._lock:
            waiting = self._in_order()
            if not waiting:
                self._turns.clear()
                self._is_running = False
                return []
            first = waiting[0].question
            taken = [each for each in waiting if each.question.goes_with(first)]
            taken = taken[:TOGETHER]
            self._turn = max(self._turn, taken[0].order[0])
            places = {id(ticket) for ticket in taken}
            self._waiting = [
                weakref.ref(each) for each in waiting if id(each) not in places
            ]
            return taken

    def _run(self) -> None:
        while taken := self._take():
            _answer(taken)
            # Until the next photo comes, the last ones are not kept here.
            del taken


def _answer(tickets: Sequence[Ticket]) -> None:
    """Answer photos together, and one by one where that fails: each has its fault."""
    try:
        results = _results([ticket.question for ticket in tickets])
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        if len(tickets) == 1:
            tickets[0].end(error=error)
            return
        for ticket in tickets:
            _answer([ticket])
        return
    for ticket, result in zip(tickets, results, strict=True):
        ticket.end(result)


def _results(questions: Sequence[Question]) -> list[PhotoResult]:
    first = questions[0]
    with speaking(first.spoken):
        results = predict_uploads(
            [question.upload for question in questions],
            first.predictor,
            first.detector,
            mirrored=first.mirrored,
        )
        return list(map(_as_shown, questions, results))


def _as_shown(question: Question, result: PhotoResult) -> PhotoResult:
    """The result with its picture boxed and downsized: large ones take much room."""
    if result.image is None:
        return result
    is_whole = question.detector is None or question.upload.aligned
    boxes = [] if is_whole else [face.box for face in result.faces]
    return dataclasses.replace(result, image=draw_faces(result.image, boxes))
