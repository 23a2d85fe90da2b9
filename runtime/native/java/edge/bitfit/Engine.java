package edge.bitfit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Answers texts with any of the tasks that are installed, another one for every row if need be. All methods may be
 * called from several threads. The native library is {@code bitfit_jni}, which needs {@code bitfit} and ONNX Runtime
 * beside it.
 */
public final class Engine implements AutoCloseable {
    private static final int ANSWERS = -1;
    private static final int LOGITS = 0;
    private static final int POOLED = 1;

    static {
        System.loadLibrary("bitfit_jni");
    }

    /** How much is proved when a base is loaded. */
    public enum SelfTest { OFF, QUICK, FULL }

    private final ReadWriteLock using = new ReentrantReadWriteLock();
    private long handle;

    /** Loads the base in a folder, on all cores. */
    public Engine(String folder) {
        this(folder, 0, SelfTest.QUICK);
    }

    /** Loads the base in a folder; 0 threads are one for each core. */
    public Engine(String folder, int threads, SelfTest test) {
        long[] made = new long[1];
        check(open(bytes(folder), threads, test.ordinal(), made));
        handle = made[0];
    }

    /** Installs a pack under a task's name. {@code sha256} is the digest that it must have, or null. */
    public void install(String task, byte[] pack, String sha256) {
        use(engine -> install(engine, bytes(task), pack, sha256 == null ? null : bytes(sha256)));
    }

    /** Compares a pack's answers here with its canary, without installing it. */
    public void checkCanary(byte[] pack) {
        use(engine -> checkCanary(engine, pack));
    }

    /** Removes a task. */
    public void remove(String task) {
        use(engine -> remove(engine, bytes(task)));
    }

    /** Answers one text. */
    public Answer predict(String task, String text) {
        return predict(List.of(new Row(task, text))).get(0);
    }

    /** Answers rows, each by its own task, in their order. */
    public List<Answer> predict(List<Row> rows) {
        return run(rows, ANSWERS);
    }

    /** Returns each row's plain logits, as {@code values}. */
    public List<Answer> logits(List<Row> rows) {
        return run(rows, LOGITS);
    }

    /** Returns each row's pooled vector, as {@code values}: the bare base's where a row has no task. */
    public List<Answer> embed(List<Row> rows) {
        return run(rows, POOLED);
    }

    @Override
    public void close() {
        Lock alone = using.writeLock();
        alone.lock();
        try {
            close(handle);
            handle = 0;
        } finally {
            alone.unlock();
        }
    }

    private interface Call {
        int run(long engine);
    }

    private void use(Call call) {
        Lock shared = using.readLock();
        shared.lock();
        try {
            if (handle == 0) {
                throw new IllegalStateException("the engine is closed; open another");
            }
            check(call.run(handle));
        } finally {
            shared.unlock();
        }
    }

    private List<Answer> run(List<Row> rows, int output) {
        byte[][] tasks = new byte[rows.size()][];
        byte[][] texts = new byte[rows.size()][];
        byte[][] pairs = new byte[rows.size()][];
        for (int index = 0; index < rows.size(); index++) {
            Row row = rows.get(index);
            tasks[index] = row.task() == null ? null : bytes(row.task());
            texts[index] = bytes(row.text());
            pairs[index] = row.pair() == null ? null : bytes(row.pair());
        }
        Object[][] found = new Object[rows.size()][];
        use(engine -> run(engine, tasks, texts, pairs, output, found));
        List<Answer> answers = new ArrayList<>();
        for (int index = 0; index < found.length; index++) {
            answers.add(answer(found[index], texts[index], pairs[index]));
        }
        return answers;
    }

    /** Puts an answer together from the parts that bitfit_jni.cpp gives. */
    private static Answer answer(Object[] parts, byte[] text, byte[] pair) {
        long[] head = (long[]) parts[0];
        double[] numbers = (double[]) parts[1];
        List<String> labels = strings((byte[][]) parts[2]);
        long[] chosen = (long[]) parts[3];
        Answer.Type type = Answer.Type.values()[(int) head[0]];
        double[] probabilities = new double[numbers.length - 2];
        System.arraycopy(numbers, 2, probabilities, 0, probabilities.length);
        List<String> names = new ArrayList<>();
        for (int index = 0; index < chosen.length; index++) {
            if (chosen[index] != 0) {
                names.add(labels.get(index));
            }
        }
        boolean classified = type == Answer.Type.CLASSIFICATION && probabilities.length > 0;
        byte[] searched = type == Answer.Type.SPAN && pair != null ? pair : text;
        return new Answer(type, head[1] != 0, head[2] < 0 ? null : head[2] != 0, head[3] == 0 ? null : numbers[0],
                labels, probabilities, classified ? labels.get((int) head[4]) : null, names, numbers[1],
                pieces((byte[][]) parts[4], (long[]) parts[5], (double[]) parts[6], searched), (int) head[5],
                (int) head[6], (float[]) parts[7]);
    }

    private static List<Answer.Piece> pieces(byte[][] labels, long[] places, double[] probabilities, byte[] text) {
        List<Answer.Piece> found = new ArrayList<>();
        for (int index = 0; index < labels.length; index++) {
            int start = (int) places[2 * index];
            int size = (int) places[2 * index + 1] - start;
            String own = new String(text, start, size, UTF_8);
            int first = new String(text, 0, start, UTF_8).length();
            String label = labels[index] == null ? null : new String(labels[index], UTF_8);
            found.add(new Answer.Piece(label, own, first, first + own.length(), probabilities[index]));
        }
        return found;
    }

    private static List<String> strings(byte[][] texts) {
        List<String> found = new ArrayList<>();
        for (byte[] text : texts) {
            found.add(new String(text, UTF_8));
        }
        return found;
    }

    /** Returns a text as UTF-8. {@code String.getBytes} would replace half a surrogate pair without a word. */
    private static byte[] bytes(String text) {
        try {
            ByteBuffer found = UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] copied = new byte[found.remaining()];
            found.get(copied);
            return copied;
        } catch (CharacterCodingException error) {
            throw new BitfitException(
                    BitfitException.Kind.INPUT, "a text is not valid Unicode; pass whole surrogate pairs");
        }
    }

    private static void check(int status) {
        if (status != 0) {
            throw new BitfitException(BitfitException.Kind.values()[status], new String(error(), UTF_8));
        }
    }

    private static native int open(byte[] folder, int threads, int test, long[] into);

    private static native void close(long engine);

    private static native int install(long engine, byte[] task, byte[] pack, byte[] sha256);

    private static native int checkCanary(long engine, byte[] pack);

    private static native int remove(long engine, byte[] task);

    private static native int run(
            long engine, byte[][] tasks, byte[][] texts, byte[][] pairs, int output, Object[][] into);

    private static native byte[] error();
}
