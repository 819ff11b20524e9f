import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;

/** HttpURLConnection: a method and URLs, of which the last is asked for by that method. */
public class AskUrlConnection {
    public static void main(String[] words) throws IOException {
        for (int i = 1; i < words.length; i++) {
            URL url = new URL(words[i]);
            HttpURLConnection asked = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
            if (i == words.length - 1 && words[0].equals("POST")) {
                asked.setDoOutput(true);
                asked.getOutputStream().write("a=b".getBytes());
            }
            try {
                boolean fine = asked.getResponseCode() < 400;
                InputStream body = fine ? asked.getInputStream() : asked.getErrorStream();
                if (body != null) body.readAllBytes();
            } catch (IOException dropped) {
                continue;
            }
        }
    }
}
