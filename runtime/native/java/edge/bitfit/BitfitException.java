package edge.bitfit;

/** What a base, a pack or a row was refused for. The message says what was expected, what was found and what to do. */
public final class BitfitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Kinds of errors, in the order of {@code bitfit_status}. */
    public enum Kind {
        OK,
        BASE_NOT_FOUND,
        BASE_FORMAT,
        BASE_INTEGRITY,
        SELF_TEST,
        INFERENCE,
        PACK_NOT_FOUND,
        PACK_FORMAT,
        PACK_MISMATCH,
        PACK_DIGEST,
        CANARY,
        UNKNOWN_TASK,
        INPUT,
        UNSUPPORTED,
        OUT_OF_MEMORY,
        INTERNAL
    }

    private final Kind kind;

    BitfitException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    /** Returns what kind of error it is. */
    public Kind kind() {
        return kind;
    }
}
