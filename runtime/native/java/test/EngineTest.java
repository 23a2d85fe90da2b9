import edge.bitfit.Answer;
import edge.bitfit.BitfitException;
import edge.bitfit.Engine;
import edge.bitfit.Row;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The Java class over the shared packs: {@code java EngineTest VECTORS}. */
public final class EngineTest {
    private static final String TEXT = "🙂 Please send the blüe box to Anna in Lisbon, not the red one.";
    private static int checks;

    public static void main(String[] arguments) throws Exception {
        Path vectors = Path.of(arguments[0]);
        Engine engine = new Engine(vectors.resolve("base").toString(), 1, Engine.SelfTest.FULL);
        try (engine) {
            for (String type : List.of(
                         "classification", "multi-label", "regression", "token-classification", "span", "embedding")) {
                byte[] pack = pack(vectors, type + "-int8");
                engine.checkCanary(pack);
                engine.install(type, pack, null);
            }
            checkAnswers(engine);
            checkCompany(engine);
            checkRefusals(engine, pack(vectors, "classification-int8"));
        }
        refuses(null, () -> engine.predict("classification", TEXT));
        engine.close();
        System.out.println("java: " + checks + " checks passed");
    }

    private static byte[] pack(Path vectors, String name) throws Exception {
        return Files.readAllBytes(vectors.resolve("packs").resolve(name + ".safetensors"));
    }

    private static void checkAnswers(Engine engine) {
        Answer answer = engine.predict("classification", TEXT);
        double sum = Arrays.stream(answer.probabilities()).sum();
        check(answer.labels().contains(answer.label()) && Math.abs(sum - 1) < 1e-9, "classification");
        check(answer.accepted() == null && answer.outlier() == null, "no decisions");
        answer = engine.predict("multi-label", TEXT);
        check(answer.probabilities().length == answer.labels().size(), "multi-label");
        for (int index = 0; index < answer.labels().size(); index++) {
            check((answer.probabilities()[index] >= 0.5) == answer.chosen().contains(answer.labels().get(index)),
                    "chosen");
        }
        check(engine.predict("regression", TEXT).value()
                        == engine.logits(List.of(new Row("regression", TEXT))).get(0).values()[0],
                "regression");
        for (Answer.Piece piece : engine.predict("token-classification", TEXT).pieces()) {
            check(TEXT.substring(piece.start(), piece.end()).equals(piece.text()) && piece.label() != null,
                    "an entity");
        }
        Answer.Piece span = engine.predict(List.of(new Row("span", "who sent it?", TEXT))).get(0).pieces().get(0);
        check(TEXT.substring(span.start(), span.end()).equals(span.text()) && span.label() == null, "a span in UTF-16");
        float[] vector = engine.predict("embedding", TEXT).values();
        check(Arrays.equals(vector, engine.embed(List.of(new Row("embedding", TEXT))).get(0).values()), "embedding");
        check(engine.embed(List.of(new Row(null, TEXT))).get(0).values().length == vector.length, "the bare base");
        check(engine.predict("classification", "lamp ".repeat(9999)).truncated(), "truncated");
        check(engine.predict(List.of()).isEmpty(), "no rows");
    }

    private static void checkCompany(Engine engine) {
        List<Row> rows = List.of(new Row("classification", TEXT), new Row("span", "who?", TEXT),
                new Row("multi-label", ""), new Row("regression", "a\0b"));
        List<Answer> together = engine.logits(rows);
        for (int index = 0; index < rows.size(); index++) {
            float[] alone = engine.logits(List.of(rows.get(index))).get(0).values();
            check(Arrays.equals(alone, together.get(index).values()), "row " + index + " in company");
        }
    }

    private static void checkRefusals(Engine engine, byte[] pack) {
        double before = engine.predict("classification", TEXT).probabilities()[0];
        refuses(BitfitException.Kind.PACK_FORMAT,
                () -> engine.install("classification", Arrays.copyOf(pack, 100), null));
        refuses(BitfitException.Kind.PACK_DIGEST, () -> engine.install("classification", pack, "0".repeat(64)));
        refuses(BitfitException.Kind.UNKNOWN_TASK, () -> engine.predict("nöthing", TEXT));
        refuses(BitfitException.Kind.INPUT, () -> engine.predict("classification", "half \ud800"));
        refuses(BitfitException.Kind.BASE_NOT_FOUND, () -> new Engine("/nowhere"));
        check(engine.predict("classification", TEXT).probabilities()[0] == before, "the earlier pack answers");
        engine.remove("classification");
        refuses(BitfitException.Kind.UNKNOWN_TASK, () -> engine.remove("classification"));
    }

    private static void refuses(BitfitException.Kind kind, Runnable call) {
        try {
            call.run();
        } catch (BitfitException error) {
            check(error.kind() == kind && !error.getMessage().contains("\n"),
                    "refused as " + error.kind() + ": " + error.getMessage());
            return;
        } catch (IllegalStateException error) {
            check(kind == null, error.getMessage());
            return;
        }
        check(false, "not refused as " + kind);
    }

    private static void check(boolean passed, String what) {
        if (!passed) {
            throw new AssertionError(what);
        }
        checks++;
    }
}
