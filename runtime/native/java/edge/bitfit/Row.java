package edge.bitfit;

/** A text, the task that answers it, and a second text where the task takes pairs; {@code pair} may be null. */
public record Row(String task, String text, String pair) {
    /** A row of one text. */
    public Row(String task, String text) {
        this(task, text, null);
    }
}
