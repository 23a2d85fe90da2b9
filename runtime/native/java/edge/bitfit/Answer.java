package edge.bitfit;

import java.util.List;

/**
 * The answer to a row. Which fields are set follows from its type: {@code label}, {@code probabilities}, {@code
 * accepted} and {@code outlier} of a classification, {@code chosen} and {@code probabilities} of a multi-label task,
 * {@code value} of a regression, {@code pieces} of a token classification or a span, {@code values} of an embedding and
 * of raw outputs.
 * {@code accepted} and {@code outlier} are null where the pack decides nothing.
 */
public record Answer(Type type, boolean truncated, Boolean accepted, Double outlier, List<String> labels,
        double[] probabilities, String label, List<String> chosen, double value, List<Piece> pieces, int rows,
        int columns, float[] values) {
    /** Task types, in the order of {@code bitfit_task_type}. */
    public enum Type { CLASSIFICATION, MULTI_LABEL, REGRESSION, TOKEN_CLASSIFICATION, SPAN, EMBEDDING }

    /** A piece of a text, by the text's own indices; the label is null for the answer of a span task. */
    public record Piece(String label, String text, int start, int end, double probability) {}
}
